"""Who would wait for a connection in vain is told so at once, and whoever waits in reason is served."""

import asyncio
import time
from collections import Counter

import pytest
from sqlalchemy import text

from adapters.sql.addresses import MysqlAddress, SqliteAddress, parse_address
from adapters.sql.mysql_database import MysqlDatabase
from adapters.sql.sqlite_database import SqliteDatabase
from application.failures import FailureKind, kind_of
from domain.errors import NotCommitted, StoreUnavailable
from tests.adapters.sql.test_slow_statements import COUNT, SLEEP


def small(url: str, *, waiting: int, deadline_seconds: float = 5.0) -> MysqlDatabase | SqliteDatabase:
    """Two reads at once."""
    match parse_address(url):
        case MysqlAddress() as address:
            return MysqlDatabase(address, reading=2, writing=1, waiting=waiting, deadline_seconds=deadline_seconds)
        case SqliteAddress() as address:
            return SqliteDatabase(address, reading=2, waiting=waiting, deadline_seconds=deadline_seconds)


async def test_reads_beyond_the_limit_are_refused_at_once(empty_url: str) -> None:
    database = small(empty_url, waiting=3)
    await database.open()
    slow = SLEEP if isinstance(database, MysqlDatabase) else COUNT
    took: list[float] = []

    async def read() -> type[Exception] | None:
        began = time.monotonic()
        try:
            await database.rows(slow)
        except StoreUnavailable as full:
            assert kind_of(full) is FailureKind.LACK_OF_RESOURCE
            took.append(time.monotonic() - began)
            return StoreUnavailable
        return None

    ends = await asyncio.gather(*(read() for _ in range(100)))
    assert Counter(ends) == {None: 5, StoreUnavailable: 95}
    assert max(took) < 0.1
    assert len(await database.rows(text("SELECT 1"))) == 1
    await database.close()


@pytest.mark.real
async def test_a_pool_that_stays_exhausted_is_a_lack_of_resource(mysql_database: str) -> None:
    database = small(mysql_database, waiting=10, deadline_seconds=0.5)
    hogs = [asyncio.create_task(database.rows(text("SELECT SLEEP(0.49)"))) for _ in range(2)]
    writer = asyncio.create_task(database.write(lambda connection: connection.execute(text("DO SLEEP(0.49)"))))
    await asyncio.sleep(0.05)
    read, write = await asyncio.gather(
        database.rows(text("SELECT 1")), database.write(lambda connection: connection.execute(text("DO 0"))), return_exceptions=True
    )
    await asyncio.gather(*hogs, writer, return_exceptions=True)
    await database.close()
    assert (type(read), type(write)) == (StoreUnavailable, NotCommitted)
    assert isinstance(read, StoreUnavailable) and isinstance(write, NotCommitted)
    assert (kind_of(read), kind_of(write)) == (FailureKind.LACK_OF_RESOURCE, FailureKind.LACK_OF_RESOURCE)
