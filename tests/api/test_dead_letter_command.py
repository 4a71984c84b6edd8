"""`concert dead-letters`, over a database in which some messages have died."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from adapters.sql.database import database_at
from adapters.sql.dead_letter_queue import SqlDeadLetterQueue
from adapters.sql.migrate import migrate
from application.ports.dead_letter_queue import DeadLetter, LetterFilter, LetterOrigin
from entrypoints.cli import main
from tests.contracts.test_dead_letter_queue import a_letter, an_id
from tests.contracts.test_outbox import a_message

LETTERS = (
    a_letter(1),
    a_letter(2, message=a_message(1002, key=2, type="PaymentCancelled")),
    a_letter(3, message=None, reason="no value", excerpt="\\xff", tries=1),
    a_letter(4, origin=LetterOrigin.OUTBOX, position=None),
)


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def ids(self) -> list[int]:
        """Of the letters its lines begin with."""
        return [UUID(line.split()[0]).int for line in self.lines]


Command = Callable[..., Ended]


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'concert.db'}"

    async def fill() -> None:
        await migrate(url)
        database = database_at(url)
        await database.open()
        await SqlDeadLetterQueue(database).bury(LETTERS)
        await database.close()

    asyncio.run(fill())
    return url


@pytest.fixture
def command(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.setenv("CONCERT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CONCERT_DATABASE_URL", url)
    monkeypatch.setattr("entrypoints.cli.set_up_logging", lambda *_, **__: None)  # the test's own loggers stay as they are

    def run(*arguments: str) -> Ended:
        try:
            status = main(["dead-letters", *arguments])
        except SystemExit as misused:
            status = int(str(misused.code))
        printed = capsys.readouterr()
        return Ended(status, printed.out, printed.err)

    return run


def open_letters(url: str) -> list[int]:
    async def read() -> tuple[DeadLetter, ...]:
        database = database_at(url)
        await database.open()
        page = await SqlDeadLetterQueue(database).letters(LetterFilter(), 10, None)
        await database.close()
        return page.items

    return [letter.id.int for letter in asyncio.run(read())]


def test_list_shows_the_open_ones_oldest_first(command: Command) -> None:
    ended = command("list")
    assert (ended.status, ended.ids) == (0, [1, 2, 3, 4])
    assert ended.lines[0] == (
        f"{an_id(1)}  2030-05-01 20:00:01  OPEN       CONSUMER  PaymentCompleted #1 of {an_id(1)}  3x handling failed: ValueError"
    )
    assert ended.lines[2] == f"{an_id(3)}  2030-05-01 20:00:03  OPEN       CONSUMER  unreadable  1x no value"
    assert command("list", "--type", "PaymentCancelled").ids == [2]
    assert command("list", "--origin", "outbox").ids == [4]
    assert command("list", "--status", "discarded").lines == ["no dead letters"]


def test_list_goes_on_behind_the_last_one(command: Command) -> None:
    first = command("list", "--limit", "3")
    assert first.lines[3] == f"more: --after {an_id(3)}"
    assert command("list", "--limit", "3", "--after", str(an_id(3))).ids == [4]


def test_show_tells_all_there_is(command: Command) -> None:
    assert command("show", str(an_id(1))).lines[1:] == [
        "position   bookings/3@1",
        f"message    {UUID(int=1001)} version 1, of 2030-05-01T20:16:41.123456+00:00",
        'payload    {"title": "봄 \\"콘서트\\""}',
    ]
    assert command("show", str(an_id(3))).lines[1:] == ["position   bookings/3@3", "begins     \\xff"]
    missing = command("show", str(an_id(9)))
    assert (missing.status, missing.out, missing.err) == (1, "", f"concert dead-letters: no dead letter {an_id(9)}\n")


def test_a_dry_run_changes_nothing(command: Command, url: str) -> None:
    for action in (("redrive",), ("discard", "--note", "n")):
        ended = command(*action, "--type", "PaymentCompleted", "--dry-run")
        did = "redriven" if action[0] == "redrive" else "discarded"
        assert ended.lines == [f"{an_id(number)}  PaymentCompleted  would be {did}" for number in (1, 4)]
    assert open_letters(url) == [1, 2, 3, 4]


def test_one_by_one_and_in_batch_with_who_and_why(command: Command, url: str) -> None:
    assert command("redrive", str(an_id(2)), "--by", "지우", "--note", "고침").lines == [f"{an_id(2)}  PaymentCancelled  redriven"]
    assert command("show", str(an_id(2))).lines[-1].endswith("by 지우: 고침")
    assert command("discard", "--limit", "1", "--note", "n", "--by", "o").lines == [f"{an_id(1)}  PaymentCompleted  discarded"]
    assert open_letters(url) == [3, 4]
    assert command("list", "--status", "any").ids == [1, 2, 3, 4]


def test_what_stays_as_it_is_is_told_and_fails_the_command(command: Command, url: str) -> None:
    ended = command("redrive", str(an_id(3)), str(an_id(4)), str(an_id(9)), "--by", "o")
    assert ended.status == 1
    assert ended.err.splitlines()[1:] == [
        f"{an_id(3)}  stays: UNREADABLE",
        f"{an_id(4)}  PaymentCompleted  redriven",
        f"{an_id(9)}  stays: NOT_FOUND",
    ]
    assert open_letters(url) == [1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("redrive",), 1),
        (("discard", "--note", "n"), 1),
        (("discard", "--type", "PaymentCompleted"), 2),
        (("discard", "--type", "PaymentCompleted", "--note", " "), 1),
        (("list", "--limit", "501"), 2),
        (("list", "--limit", "0"), 2),
        (("show", "x"), 2),
        ((), 2),
    ],
)
def test_nothing_happens_by_mistake(command: Command, url: str, arguments: tuple[str, ...], status: int) -> None:
    assert command(*arguments).status == status
    assert open_letters(url) == [1, 2, 3, 4]


def test_a_database_that_lacks_migrations_is_told(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONCERT_DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    ended = command("list")
    assert (ended.status, ended.err) == (1, "concert dead-letters: the database lacks migrations: run `concert migrate`\n")
