"""Databases for contracts that run over every adapter: a file of the test's own, or a database on the real server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.sql.database import Database, database_at
from adapters.sql.migrate import migrate


@pytest.fixture
async def sqlite_file(tmp_path: Path) -> Path:
    """A migrated SQLite file."""
    path = tmp_path / "concert.db"
    await migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", pytest.param("mysql", marks=pytest.mark.real)])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'concert.db'}" if request.param == "sqlite" else request.getfixturevalue("mysql_database")
    await migrate(url)
    return str(url)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Migrated, open and empty."""
    database = database_at(database_url)
    await database.open()
    yield database
    await database.close()
