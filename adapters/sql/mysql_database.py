"""MySQL, through aiomysql."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, TypeVar

import aiomysql
from sqlalchemy import Connection, Executable, Row
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.sql.addresses import MysqlAddress
from adapters.sql.faults import SHORTAGES
from adapters.sql.mysql_connections import READER_IDLE_SECONDS, connect
from adapters.sql.queue_limit import QueueLimit
from adapters.sql.slow_statements import SlowStatements
from domain.errors import NotCommitted, OutcomeUnknown, StoreUnavailable

T = TypeVar("T")

WAITING = 1_000
"""How many reads, and how many writes, may wait for a connection."""
POOL_SHARE = 0.8
"""Of a deadline that may pass before there is a connection: the statement needs some of it as well."""

UNAVAILABLE = (OperationalError, InterfaceError, InternalError, PoolExhausted, TimeoutError, OSError)


class MysqlDatabase:
    """Two bounded pools besides the unit of work's own connections: one for reads, one for small writes."""

    dialect_name = "mysql"

    def __init__(
        self,
        address: MysqlAddress,
        *,
        reading: int = 8,
        writing: int = 3,
        waiting: int = WAITING,
        deadline_seconds: float = 5.0,
        slow: SlowStatements | None = None,
    ) -> None:
        self.address = address
        self._deadline = deadline_seconds
        self._reads = self._engine(reading, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True)
        self._writes = self._engine(writing)
        self._readers, self._writers = QueueLimit(reading + waiting), QueueLimit(writing + waiting)
        self._committing: Callable[[], AbstractContextManager[None]]
        self._committing = nullcontext if slow is None else partial(slow.timed, "write", lambda: "COMMIT")
        if slow is not None:
            slow.watch(self._reads.sync_engine, "read")
            slow.watch(self._writes.sync_engine, "write")

    async def open(self) -> None:
        """Raises StoreUnavailable."""
        try:
            async with asyncio.timeout(self._deadline), self._reads.connect():
                pass
        except UNAVAILABLE as fault:
            raise StoreUnavailable("the database does not answer") from fault

    async def close(self) -> None:
        await self._reads.dispose()
        await self._writes.dispose()

    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        """What the statement reads, without locks. Raises StoreUnavailable."""
        with self._readers.place(StoreUnavailable):
            try:
                async with asyncio.timeout(self._deadline), self._reads.connect() as connection:
                    return (await connection.execute(statement)).all()
            except UNAVAILABLE as fault:
                raise StoreUnavailable("the database did not answer a read", shortage=_is_shortage(fault)) from fault

    async def write(self, change: Callable[[Connection], T], *, deadline_seconds: float | None = None) -> T:
        """What ``change`` returned, once it is committed.

        Raises NotCommitted, OutcomeUnknown, and what ``change`` raised: SQLAlchemy's IntegrityError among it.
        """
        with self._writers.place(NotCommitted):
            try:
                async with asyncio.timeout(deadline_seconds or self._deadline) as deadline, self._writes.connect() as connection:
                    result = await connection.run_sync(change)
                    try:
                        with self._committing():
                            await connection.commit()
                    except (*UNAVAILABLE, asyncio.CancelledError) as fault:
                        if isinstance(fault, asyncio.CancelledError) and not deadline.expired():
                            raise  # not the deadline's doing: whoever cancelled us waits for that
                        raise OutcomeUnknown("the answer to COMMIT did not come") from fault
                    return result
            except UNAVAILABLE as fault:
                raise NotCommitted("the database refused a write, or did not answer", shortage=_is_shortage(fault)) from fault

    def _engine(self, size: int, **options: Any) -> AsyncEngine:
        async def opened() -> aiomysql.Connection:
            return await connect(self.address, idle_seconds=READER_IDLE_SECONDS, autocommit=False)

        return create_async_engine(
            "mysql+aiomysql://",
            async_creator=opened,
            pool_size=size,
            max_overflow=0,
            pool_timeout=POOL_SHARE * self._deadline,
            pool_pre_ping=True,
            pool_recycle=READER_IDLE_SECONDS // 2,
            hide_parameters=True,
            **options,
        )


def _is_shortage(fault: BaseException) -> bool:
    """No connection was free in time, or the server has none, or no room, left."""
    if isinstance(fault, PoolExhausted):
        return True
    return isinstance(fault, DBAPIError) and fault.orig is not None and bool(SHORTAGES.intersection(fault.orig.args[:1]))
