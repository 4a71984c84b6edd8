"""Bringing a database's tables up to date, at start-up or by ``concert migrate``."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from adapters.sql.addresses import MysqlAddress, parse_address
from adapters.sql.mysql_database import MysqlDatabase
from adapters.sql.sqlite_database import SqliteDatabase
from domain.errors import StoreUnavailable

T = TypeVar("T")

DEADLINE_SECONDS = 600.0
LOCK_SECONDS = 120
"""How long to wait for another process that migrates: it is probably doing our work."""


async def migrate(url: str) -> None:
    """All steps that are missing. Raises StoreUnavailable; safe when two processes do it at once."""
    await _on_connection(url, lambda connection: command.upgrade(_config(connection), "head"))


async def downgrade(url: str, revision: str = "base") -> None:
    """Back to a revision, data and all; to an empty database if none is named."""
    await _on_connection(url, lambda connection: command.downgrade(_config(connection), revision))


async def is_current(url: str) -> bool:
    """Whether no step is missing. Raises StoreUnavailable."""
    return await _on_connection(url, _is_at_head)


async def draft(url: str, message: str) -> None:
    """Writes a new step for what differs between the tables and a migrated database, to be read and corrected."""
    await _on_connection(url, lambda connection: command.revision(_config(connection), message, autogenerate=True))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _is_at_head(connection: Connection) -> bool:
    steps = ScriptDirectory.from_config(_config(connection))
    return set(MigrationContext.configure(connection).get_current_heads()) == set(steps.get_heads())


async def _on_connection(url: str, work: Callable[[Connection], T]) -> T:
    """Alone: SQLite's transaction is the lock; on MySQL, whose DDL knows no transactions, a named lock is."""
    address = parse_address(url)
    if isinstance(address, MysqlAddress):
        mysql = MysqlDatabase(address, reading=1, writing=1, deadline_seconds=DEADLINE_SECONDS)
        try:
            return await mysql.write(lambda connection: _locked(connection, work))
        finally:
            await mysql.close()
    sqlite = SqliteDatabase(address, reading=1)
    try:
        await sqlite.open()
        return await sqlite.write(lambda connection: _begun(connection, work))
    finally:
        await sqlite.close()


def _begun(connection: Connection, work: Callable[[Connection], T]) -> T:
    connection.begin()
    return work(connection)


def _locked(connection: Connection, work: Callable[[Connection], T]) -> T:
    database = connection.execute(text("SELECT DATABASE()")).scalar_one()
    name = f"concert-migrations-{sha256(database.encode()).hexdigest()[:32]}"
    if connection.execute(text("SELECT GET_LOCK(:name, :seconds)"), {"name": name, "seconds": LOCK_SECONDS}).scalar_one() != 1:
        raise StoreUnavailable("another process is migrating, and does not end")
    try:
        done = work(connection)
        connection.execute(text("COMMIT"))  # the last step's own mark, before anybody else looks for it
        return done
    finally:
        connection.execute(text("DO RELEASE_LOCK(:name)"), {"name": name})
