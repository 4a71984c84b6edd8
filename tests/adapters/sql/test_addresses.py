from pathlib import Path

import pytest

from adapters.sql.addresses import MysqlAddress, SqliteAddress, parse_address


def mysql(*hosts: tuple[str, int], user: str = "u", password: str = "p", database: str = "d") -> MysqlAddress:
    return MysqlAddress(hosts=hosts, user=user, password=password, database=database)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("sqlite:///data/concert.db", SqliteAddress(path=Path("data/concert.db"))),
        ("sqlite:////var/concert%20x.db", SqliteAddress(path=Path("/var/concert x.db"))),
        ("mysql://u:p@h/d", mysql(("h", 3306))),
        ("mysql://u:p@a:1,b,c:3/d", mysql(("a", 1), ("b", 3306), ("c", 3))),
        ("mysql://u:p@[::1]:7,[fe80::2]/d", mysql(("::1", 7), ("fe80::2", 3306))),
        ("mysql://u:a%40b%2F%3Ac@h/d", mysql(("h", 3306), password="a@b/:c")),
        ("mysql://root@h:9/", mysql(("h", 9), user="root", password="", database="concert")),
    ],
)
def test_a_url_says_where_the_database_is(url: str, address: SqliteAddress | MysqlAddress) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite://",
        "sqlite:///",
        "postgres://u:secret@h/d",
        "mysql://u:secret@h:x/d",
        "mysql://u:secret@/d",
        "mysql://u:secret@h/d?ssl=1",
    ],
)
def test_another_url_is_refused_without_repeating_its_password(url: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_address(url)
    assert "secret" not in str(refused.value)


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(parse_address("mysql://u:secret@h/d"))
