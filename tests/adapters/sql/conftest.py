"""Databases for the tests of the SQL adapter: a file of their own, or a database of their own on a real MySQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.sql.database import database_at
from adapters.sql.migrate import migrate
from adapters.sql.mysql_database import MysqlDatabase
from adapters.sql.sqlite_database import SqliteDatabase

EITHER = ("sqlite", pytest.param("mysql", marks=pytest.mark.real))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/concert.db"


@pytest.fixture(params=EITHER)
def empty_url(request: pytest.FixtureRequest) -> str:
    """A database without tables."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "mysql_database")
    return url


@pytest.fixture
async def url(empty_url: str) -> str:
    """A migrated database."""
    await migrate(empty_url)
    return empty_url


@pytest.fixture
async def database(url: str) -> AsyncIterator[MysqlDatabase | SqliteDatabase]:
    opened = database_at(url)
    await opened.open()
    yield opened
    await opened.close()
