"""Databases for contracts that run over every adapter: a file of the test's own, or an emptied database on the real server."""

from collections.abc import AsyncIterator

import pytest

from adapters.sql.database import Database, database_at
from tests.migrated import database_url, emptied_mysql_url, migrated_mysql_url, migrated_sqlite, sqlite_file

__all__ = ["database_url", "emptied_mysql_url", "migrated_mysql_url", "migrated_sqlite", "sqlite_file"]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Migrated, open and empty."""
    database = database_at(database_url)
    await database.open()
    yield database
    await database.close()
