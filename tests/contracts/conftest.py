"""Databases for contracts that run over every adapter: a file of the test's own, or an emptied database on the real server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from adapters.sql.database import Database, database_at
from adapters.sql.migrate import migrate
from adapters.sql.tables import Row
from tests.servers.databases import connect, fresh_mysql_database


@pytest.fixture
async def sqlite_file(tmp_path: Path) -> Path:
    """A migrated SQLite file."""
    path = tmp_path / "concert.db"
    await migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_mysql_url(mysql_url: str) -> Iterator[str]:
    with fresh_mysql_database(mysql_url) as url:
        asyncio.run(migrate(url))
        yield url


@pytest.fixture
def emptied_mysql_url(migrated_mysql_url: str) -> str:
    """Migrated once, emptied for each test: a tenth of the time that making its tables takes."""
    with closing(connect(migrated_mysql_url)) as connection, connection.cursor() as cursor:
        for table in Row.metadata.tables:
            cursor.execute(f"DELETE FROM {table}")
    return migrated_mysql_url


@pytest.fixture(params=["sqlite", pytest.param("mysql", marks=pytest.mark.real)])
def database_url(request: pytest.FixtureRequest) -> str:
    if request.param == "mysql":
        return str(request.getfixturevalue("emptied_mysql_url"))
    return f"sqlite:///{request.getfixturevalue('sqlite_file')}"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Migrated, open and empty."""
    database = database_at(database_url)
    await database.open()
    yield database
    await database.close()
