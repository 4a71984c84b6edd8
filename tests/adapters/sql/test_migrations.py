"""Up, the tables are what the code says; down, nothing is left; two at once do no harm."""

import asyncio
import sys
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from adapters.sql.database import Database, database_at
from adapters.sql.migrate import downgrade, is_current, migrate
from adapters.sql.tables import Row

OWN = set(Row.metadata.tables)
ELSEWHERE = {"alembic_version", "broker_log", "broker_offsets"}
"""Tables that migrations make and ``tables`` does not describe."""


def differences(connection: Connection) -> list[Any]:
    def ours(thing: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
        return kind != "table" or name not in ELSEWHERE

    compared = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": ours})
    return list(compare_metadata(compared, Row.metadata))


def table_names(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def ask(url: str, question: Any) -> Any:
    database: Database = database_at(url)
    await database.open()
    try:
        return await database.write(question)
    finally:
        await database.close()


async def test_up_the_tables_are_what_the_code_says(empty_url: str) -> None:
    assert not await is_current(empty_url)
    await migrate(empty_url)
    assert await is_current(empty_url)
    assert await ask(empty_url, table_names) - ELSEWHERE == OWN
    assert await ask(empty_url, differences) == []


async def test_texts_compare_by_byte_and_rows_lie_by_key(url: str) -> None:
    """What a comparison of metadata does not see."""

    def options(connection: Connection) -> set[tuple[str, str]]:
        if connection.dialect.name == "sqlite":
            found = connection.execute(text("SELECT name, substr(rtrim(sql, char(10)), -13) FROM sqlite_master WHERE type = 'table'"))
        else:
            found = connection.execute(
                text("SELECT table_name, table_collation FROM information_schema.tables WHERE table_schema = DATABASE()")
            )
        return {(name, option) for name, option in found if name in OWN}

    declared = {str(table.dialect_options["mysql"]["collate"]) for table in Row.metadata.tables.values()}
    assert declared == {"utf8mb4_0900_bin"}
    expected = "WITHOUT ROWID" if url.startswith("sqlite") else "utf8mb4_0900_bin"
    assert await ask(url, options) == {(name, expected) for name in OWN}


async def test_a_difference_would_be_seen(url: str) -> None:
    await ask(url, lambda connection: connection.execute(text("ALTER TABLE tickets ADD COLUMN colour VARCHAR(5)")))
    (((operation, _, table, column),),) = ((found,) for found in await ask(url, differences))
    assert (operation, table, column.name) == ("remove_column", "tickets", "colour")


async def test_down_nothing_is_left(url: str) -> None:
    await downgrade(url)
    assert await ask(url, table_names) == {"alembic_version"}
    assert not await is_current(url)


async def test_migrating_twice_changes_nothing(url: str) -> None:
    await migrate(url)
    assert await ask(url, differences) == []


async def test_an_interrupted_run_is_finished_by_the_next(url: str) -> None:
    """What a killed run leaves on MySQL: some tables, no index of the last one, and no version."""

    def interrupt(connection: Connection) -> None:
        connection.execute(text("DELETE FROM alembic_version"))
        connection.execute(text("DROP TABLE tickets"))
        on_mysql = connection.dialect.name == "mysql"
        connection.execute(text("DROP INDEX ix_seats_changed_at" + (" ON seats" if on_mysql else "")))
        if not on_mysql:
            connection.execute(text("DROP TABLE broker_log"))
            connection.execute(text("DROP TABLE broker_offsets"))

    await ask(url, interrupt)
    await migrate(url)
    assert await is_current(url)
    assert await ask(url, differences) == []


async def test_two_processes_migrate_at_once(empty_url: str) -> None:
    script = "import asyncio, sys; from adapters.sql.migrate import migrate; asyncio.run(migrate(sys.argv[1]))"
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", script, empty_url, stderr=asyncio.subprocess.PIPE) for _ in range(2)
    ]
    ends = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0, 0], ends
    assert await is_current(empty_url)
    assert await ask(empty_url, differences) == []
