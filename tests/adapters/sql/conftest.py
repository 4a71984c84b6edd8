"""Databases for the tests of the SQL adapter: one without tables, or one that is migrated, of either kind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.sql.database import database_at
from adapters.sql.mysql_database import MysqlDatabase
from adapters.sql.sqlite_database import SqliteDatabase

EITHER = ("sqlite", pytest.param("mysql", marks=pytest.mark.real))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A database without tables."""
    return f"sqlite:///{tmp_path}/empty.db"


@pytest.fixture(params=EITHER)
def empty_url(request: pytest.FixtureRequest) -> str:
    """A database without tables."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "mysql_database")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[MysqlDatabase | SqliteDatabase]:
    opened = database_at(database_url)
    await opened.open()
    yield opened
    await opened.close()
