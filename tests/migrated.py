"""Fixtures of databases that are migrated already, for whose tests need them: a conftest names them."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from adapters.sql.migrate import migrate
from adapters.sql.tables import Row
from tests.servers.databases import connect, fresh_mysql_database


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mould, to be copied."""
    path = tmp_path_factory.mktemp("mould") / "concert.db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_file(migrated_sqlite: Path, tmp_path: Path) -> Path:
    """A migrated file of the test's own."""
    return Path(shutil.copy(migrated_sqlite, tmp_path))


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
    """A migrated database without rows, of either kind."""
    if request.param == "mysql":
        return str(request.getfixturevalue("emptied_mysql_url"))
    return f"sqlite:///{request.getfixturevalue('sqlite_file')}"
