"""MySQL, through aiomysql."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import aiomysql
from sqlalchemy import Connection, Executable, Row
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.sql.addresses import MysqlAddress
from adapters.sql.mysql_connections import READER_IDLE_SECONDS, connect
from domain.errors import NotCommitted, OutcomeUnknown, StoreUnavailable

T = TypeVar("T")

UNAVAILABLE = (OperationalError, InterfaceError, InternalError, PoolExhausted, TimeoutError, OSError)


class MysqlDatabase:
    """Two bounded pools besides the unit of work's own connections: one for reads, one for small writes."""

    dialect_name = "mysql"

    def __init__(self, address: MysqlAddress, *, reading: int = 8, writing: int = 3, deadline_seconds: float = 5.0) -> None:
        self.address = address
        self._deadline = deadline_seconds
        self._reads = self._engine(reading, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True)
        self._writes = self._engine(writing)

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
        try:
            async with asyncio.timeout(self._deadline), self._reads.connect() as connection:
                return (await connection.execute(statement)).all()
        except UNAVAILABLE as fault:
            raise StoreUnavailable("the database did not answer a read") from fault

    async def write(self, change: Callable[[Connection], T], *, deadline_seconds: float | None = None) -> T:
        """What ``change`` returned, once it is committed.

        Raises NotCommitted, OutcomeUnknown, and what ``change`` raised: SQLAlchemy's IntegrityError among it.
        """
        try:
            async with asyncio.timeout(deadline_seconds or self._deadline), self._writes.connect() as connection:
                result = await connection.run_sync(change)
                try:
                    await connection.commit()
                except (*UNAVAILABLE, asyncio.CancelledError) as fault:
                    raise OutcomeUnknown("the answer to COMMIT did not come") from fault
                return result
        except UNAVAILABLE as fault:
            raise NotCommitted("the database refused a write, or did not answer") from fault

    def _engine(self, size: int, **options: Any) -> AsyncEngine:
        async def opened() -> aiomysql.Connection:
            return await connect(self.address, idle_seconds=READER_IDLE_SECONDS, autocommit=False)

        return create_async_engine(
            "mysql+aiomysql://",
            async_creator=opened,
            pool_size=size,
            max_overflow=0,
            pool_timeout=self._deadline,
            pool_pre_ping=True,
            pool_recycle=READER_IDLE_SECONDS // 2,
            **options,
        )
