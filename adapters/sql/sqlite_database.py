"""SQLite, through the standard library's driver: the embedded default."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, Executable, Row, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool, StaticPool

from adapters.sql.addresses import SqliteAddress
from adapters.sql.queue_limit import QueueLimit
from adapters.sql.slow_statements import SlowStatements
from domain.errors import NotCommitted, OutcomeUnknown, StoreUnavailable

T = TypeVar("T")

BUSY_SECONDS = 2.0
"""How long to wait for a writer of another process."""
WAITING = 1_000
"""How many reads may wait for a thread."""


class SqliteDatabase:
    """One thread writes, for the unit of work too, so that writers of this process never meet a lock; some others read."""

    dialect_name = "sqlite"

    def __init__(
        self,
        address: SqliteAddress,
        *,
        reading: int = 4,
        waiting: int = WAITING,
        deadline_seconds: float = 5.0,
        slow: SlowStatements | None = None,
    ) -> None:
        self.address = address
        self._deadline = deadline_seconds
        self._readers = ThreadPoolExecutor(reading, thread_name_prefix="sqlite-reader")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._reading_connection = partial(self._connect, read_only=True)
        self._limit = QueueLimit(reading + waiting)
        pool = {"poolclass": QueuePool, "pool_size": reading, "max_overflow": 0}
        self._reads = create_engine("sqlite://", creator=self._reading_connection, hide_parameters=True, **pool)
        self._writes = create_engine("sqlite://", creator=self._connect, poolclass=StaticPool, hide_parameters=True)
        self._committing: Callable[[], AbstractContextManager[None]]
        self._committing = nullcontext if slow is None else partial(slow.timed, "write", lambda: "COMMIT")
        if slow is not None:
            slow.watch(self._reads, "read")
            slow.watch(self._writes, "write")
        event.listen(self._writes, "begin", _begin_immediate)

    async def open(self) -> None:
        """Raises StoreUnavailable."""
        try:
            await self._in_writer(self.prepared)
        except (sqlite3.Error, OperationalError, OSError) as fault:
            raise StoreUnavailable("the database file cannot be opened") from fault

    def prepared(self) -> Engine:
        """The writing engine, with its connection open; to be called in the writer's thread."""
        self.address.path.parent.mkdir(parents=True, exist_ok=True)
        self._writes.connect().close()
        return self._writes

    async def close(self) -> None:
        await self._in_writer(self._writes.dispose)
        await asyncio.to_thread(self._readers.shutdown)
        await asyncio.to_thread(self._writer.shutdown)
        self._reads.dispose()

    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        """What the statement reads. Raises StoreUnavailable."""
        loop = asyncio.get_running_loop()
        with self._limit.place(StoreUnavailable):
            try:
                async with asyncio.timeout(self._deadline):
                    return await loop.run_in_executor(self._readers, copy_context().run, self._read, statement)
            except (OperationalError, TimeoutError) as fault:
                raise StoreUnavailable("the database did not answer a read") from fault

    async def write(self, change: Callable[[Connection], T], *, deadline_seconds: float | None = None) -> T:
        """What ``change`` returned, once it is committed. The file is next to us: there is no deadline.

        Raises NotCommitted, OutcomeUnknown, and what ``change`` raised: SQLAlchemy's IntegrityError among it.
        """
        return await self._in_writer(partial(copy_context().run, self._write, change))

    async def in_writer(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs in the thread that writes, on its connection, outside any transaction."""

        def run() -> T:
            with self._writes.connect() as connection:
                return work(cast(sqlite3.Connection, connection.connection.dbapi_connection))

        return await self._in_writer(run)

    async def _in_writer(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, work)

    def _read(self, statement: Executable) -> Sequence[Row[Any]]:
        with self._reads.connect() as connection:
            return connection.execute(statement).all()

    def _write(self, change: Callable[[Connection], T]) -> T:
        try:
            with self._writes.connect() as connection:
                result = change(connection)
                try:
                    with self._committing():
                        connection.commit()
                except OperationalError as fault:
                    raise OutcomeUnknown("COMMIT failed") from fault
                return result
        except OperationalError as fault:
            raise NotCommitted("the database refused a write") from fault

    def _connect(self, *, read_only: bool = False) -> sqlite3.Connection:
        connection = sqlite3.connect(self.address.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        return connection


def _begin_immediate(connection: Connection) -> None:
    """Lock first, read then: a transaction that finds out late that it must write would fail."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
