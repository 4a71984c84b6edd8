"""What takes too long is seen, whoever waited for it, and says nothing about whom it was for."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest
from sqlalchemy import Connection, TextClause, text
from sqlalchemy.exc import IntegrityError
from structlog.contextvars import get_contextvars

from adapters.sql.addresses import MysqlAddress, parse_address
from adapters.sql.database import database_at
from adapters.sql.migrate import migrate
from adapters.sql.mysql_database import MysqlDatabase
from adapters.sql.slow_statements import SlowStatements, without_values
from adapters.sql.sqlite_database import SqliteDatabase
from adapters.sql.unit_of_work import SqlUnitOfWork
from adapters.telemetry.logs import correlate
from domain.errors import StoreUnavailable
from tests.adapters.sql.box_office import fan
from tests.adapters.sql.transactions import TickingClock, top_up
from tests.application.test_retrying import Counted
from tests.servers.databases import connect

SLOW = 0.1
"""Seconds, for these tests."""
SECRET = 654_321
"""A value that must not be written down. In SQLite it is how far a statement counts, which takes long enough."""
COUNT = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :most) SELECT max(i) FROM n").bindparams(most=SECRET)
SLEEP = text("SELECT SLEEP(0.2) + :most").bindparams(most=SECRET)

AnyDatabase = MysqlDatabase | SqliteDatabase


class Lines(logging.Handler):
    """What was written down, each line with the correlation id that it would carry."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, Any] = {name: vars(record)[name] for name in ("step", "kind", "statement", "milliseconds") if name in vars(record)}
        self.lines.append({"event": record.getMessage(), **facts, **get_contextvars()})


@pytest.fixture
def written() -> Iterator[Lines]:
    lines = Lines()
    root = logging.getLogger()
    root.addHandler(lines)
    yield lines
    root.removeHandler(lines)


@pytest.fixture
def metrics() -> Counted:
    return Counted()


@pytest.fixture
async def watched(database_url: str, metrics: Counted) -> AsyncIterator[AnyDatabase]:
    database = database_at(database_url, SlowStatements(metrics, SLOW))
    await database.open()
    yield database
    await database.close()


@asynccontextmanager
async def writing(database: AnyDatabase, metrics: Counted) -> AsyncIterator[SqlUnitOfWork]:
    unit_of_work = SqlUnitOfWork(database, TickingClock(), metrics, writers=1, slow_seconds=SLOW)
    await unit_of_work.open()
    yield unit_of_work
    await unit_of_work.close()


def slow_one(database: AnyDatabase) -> TextClause:
    return SLEEP if isinstance(database, MysqlDatabase) else COUNT


def failures(metrics: Counted) -> list[dict[str, str]]:
    return [labels for name, labels in metrics.counts if name == "concert_failures_total"]


async def test_a_read_that_takes_long_is_counted_and_written_down(watched: AnyDatabase, metrics: Counted, written: Lines) -> None:
    correlate("a-request")
    await watched.rows(text("SELECT 1"))
    assert (failures(metrics), written.lines) == ([], [])
    await watched.rows(slow_one(watched))
    assert failures(metrics) == [{"step": "read", "kind": "slow_query_io"}]
    [line] = written.lines
    assert (line["event"], line["step"], line["kind"], line["correlation_id"]) == ("a slow statement", "read", "slow_query_io", "a-request")
    assert line["milliseconds"] >= 100
    assert ("SLEEP" if isinstance(watched, MysqlDatabase) else "RECURSIVE") in line["statement"]
    assert str(SECRET) not in line["statement"]


async def test_so_is_a_write(watched: AnyDatabase, metrics: Counted, written: Lines) -> None:
    correlate("a-pass")

    def change(connection: Connection) -> None:
        connection.execute(text("SELECT 1"))
        connection.execute(slow_one(watched))

    await watched.write(change)
    assert failures(metrics) == [{"step": "write", "kind": "slow_query_io"}]
    assert [(line["step"], line["correlation_id"]) for line in written.lines] == [("write", "a-pass")]


@pytest.mark.real
async def test_a_read_that_is_not_waited_for_any_longer_is_seen_too(mysql_database: str, metrics: Counted, written: Lines) -> None:
    address = parse_address(mysql_database)
    assert isinstance(address, MysqlAddress)
    database = MysqlDatabase(address, deadline_seconds=0.3, slow=SlowStatements(metrics, SLOW))
    with pytest.raises(StoreUnavailable):
        await database.rows(text("SELECT SLEEP(5)"))
    await database.close()
    assert failures(metrics) == [{"step": "read", "kind": "slow_query_io"}]
    assert [line["statement"] for line in written.lines] == ["SELECT SLEEP(…)"]


async def test_a_group_that_waits_for_its_rows_is_seen(watched: AnyDatabase, database_url: str, metrics: Counted, written: Lines) -> None:
    async with writing(watched, metrics) as unit_of_work:
        await unit_of_work.run(top_up(fan(1)))
        release = hold_row_of(fan(1).bytes, database_url)
        correlate("a-payment")
        waiting = asyncio.create_task(unit_of_work.run(top_up(fan(1))))
        await asyncio.sleep(0.25)
        release()
        await waiting
    assert failures(metrics) == [{"step": "load", "kind": "slow_query_io"}]
    [line] = written.lines
    assert (line["step"], line["correlation_id"]) == ("load", "a-payment")
    assert "point_accounts" in line["statement"]
    assert fan(1).hex not in line["statement"].lower()


def hold_row_of(user: bytes, url: str) -> Callable[[], None]:
    """Somebody else has the row locked (SQLite: the file), until the function that is returned is called."""
    if url.startswith("sqlite"):
        other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        return other.close
    connection = connect(url)
    connection.autocommit(False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT balance FROM point_accounts WHERE user_id = %s FOR UPDATE", (user,))
    return connection.close


async def test_a_commit_that_takes_long_is_seen_on_sqlite(sqlite_url: str, metrics: Counted, written: Lines) -> None:
    await migrate(sqlite_url)
    database = database_at(sqlite_url)
    assert isinstance(database, SqliteDatabase)
    await database.open()

    def slow_down(connection: sqlite3.Connection) -> None:
        connection.create_function("slow_down", 0, lambda: time.sleep(0.15))
        connection.execute("CREATE TEMP TRIGGER slow AFTER INSERT ON main.point_ledger BEGIN SELECT slow_down(); END")

    await database.in_writer(slow_down)
    async with writing(database, metrics) as unit_of_work:
        correlate("a-payment")
        await unit_of_work.run(top_up(fan(1)))
    await database.close()
    assert failures(metrics) == [{"step": "commit", "kind": "slow_query_io"}]
    [line] = written.lines
    assert line["correlation_id"] == "a-payment"
    assert "point_ledger" in line["statement"]
    assert line["statement"].endswith("; COMMIT")


@pytest.mark.real
async def test_a_commit_that_takes_long_is_seen_on_mysql(mysql_database: str, metrics: Counted, written: Lines) -> None:
    await migrate(mysql_database)
    with closing(connect(mysql_database)) as other, other.cursor() as cursor:
        cursor.execute("CREATE TRIGGER slow AFTER INSERT ON point_ledger FOR EACH ROW DO SLEEP(0.15)")
    database = database_at(mysql_database)
    await database.open()
    async with writing(database, metrics) as unit_of_work:
        correlate("a-payment")
        await unit_of_work.run(top_up(fan(1)))
    await database.close()
    assert failures(metrics) == [{"step": "commit", "kind": "slow_query_io"}]
    [line] = written.lines
    assert line["correlation_id"] == "a-payment"
    assert "INSERT INTO point_ledger" in line["statement"]
    assert line["statement"].endswith("; COMMIT")
    assert fan(1).hex not in line["statement"].lower()


@pytest.mark.parametrize(
    ("sql", "shape"),
    [
        (
            "INSERT INTO contacts (user_id, phone) VALUES (0x0a1b,_utf8mb4 X'3031',1),(0x0c,_utf8mb4 X'3039',NULL) AS new",
            "INSERT INTO contacts (user_id, phone) VALUES (…) AS new",
        ),
        ("SELECT a1 FROM t2 WHERE phone = '010''1234\\'5678' AND n = 12.5", "SELECT a1 FROM t2 WHERE phone = ? AND n = ?"),
        ("SELECT x FROM t WHERE (a, b) IN ((%s, %s), (%s, %s)) LIMIT %s", "SELECT x FROM t WHERE (a, b) IN ((…)) LIMIT %s"),
        ("UPDATE t SET at = '2026-01-02 03:04:05.000006' WHERE id = ?", "UPDATE t SET at = ? WHERE id = ?"),
    ],
)
def test_a_statement_is_shown_without_its_values(sql: str, shape: str) -> None:
    assert without_values(sql) == shape


def test_a_huge_packet_is_shown_in_no_time() -> None:
    row = "(0x{0:032x},_utf8mb4 X'{0:060x}',{0},NULL,'2026-01-01 00:00:00.000000')"
    sql = "INSERT INTO t VALUES " + ",".join(row.format(n) for n in range(5_000))
    began = time.perf_counter()
    assert without_values(sql) == "INSERT INTO t VALUES (…)"
    assert time.perf_counter() - began < 1


async def test_a_refused_statement_does_not_repeat_its_values(database: AnyDatabase) -> None:
    row = {"user": fan(1).bytes, "phone": "01012345678"}

    def twice(connection: Connection) -> None:
        for _ in range(2):
            connection.execute(text("INSERT INTO contacts (user_id, phone, chosen) VALUES (:user, :phone, 1)"), row)

    with pytest.raises(IntegrityError) as refused:
        await database.write(twice)
    assert "INSERT INTO contacts" in str(refused.value)
    assert "1234" not in str(refused.value)
