"""A writer's connection to MySQL."""

import asyncio
import time
from contextlib import AbstractContextManager

import aiomysql
from pymysql.err import Error

from adapters.sql.addresses import MysqlAddress
from adapters.sql.attempt import Attempt
from adapters.sql.faults import ENDS_CONNECTION, SHORTAGES, Refused, by_mysql
from adapters.sql.mysql_connections import WRITER_IDLE_SECONDS, connect
from adapters.sql.mysql_statements import Statement, load_statements, packet, take_rows, write_statements
from adapters.sql.mysql_wire import ConnectionLost, RawRow, StatementRefused, exchange
from adapters.sql.slow_statements import SlowStatements
from application.ports.clock import Clock
from domain.errors import NotCommitted, OutcomeUnknown

PING_AFTER_SECONDS = 1.0
"""A connection that rested so long may have been ended by the server, or by something on the way."""

_ROLLBACK = [Statement("ROLLBACK")]
_PING = [Statement("DO 0")]


class MysqlSession:
    """Opened when it is needed, closed when it is in doubt; no wait without a deadline."""

    def __init__(self, address: MysqlAddress, clock: Clock, slow: SlowStatements, deadline_seconds: float) -> None:
        self._address = address
        self._clock = clock
        self._slow = slow
        self._deadline = deadline_seconds
        self._connection: aiomysql.Connection | None = None
        self._used_at = 0.0

    async def commit(self, attempt: Attempt) -> None:
        """Raises Refused, NotCommitted or OutcomeUnknown."""
        connection = await self._connected()
        try:
            await self._commit(connection, attempt)
        except ConnectionLost as lost:
            self.close()
            raise (
                OutcomeUnknown("the answer to COMMIT did not come")
                if attempt.commit_sent
                else NotCommitted("the connection was lost before COMMIT")
            ) from lost
        except Refused:
            await self._roll_back(connection)
            raise
        except BaseException:
            self.close()
            raise
        self._used_at = time.monotonic()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _commit(self, connection: aiomysql.Connection, attempt: Attempt) -> None:
        try:
            loading = load_statements(attempt)
            with self._timed("load", attempt, loading):
                loaded = await self._send(connection, loading)
            take_rows(attempt, loading, loaded)
            writing = write_statements(attempt, attempt.decide(self._clock.now()))
            if not writing:
                await self._send(connection, _ROLLBACK)
                return
            sql = packet(writing)
        except (TypeError, ValueError, OverflowError) as unfit:
            raise Refused(unfit) from unfit
        attempt.commit_sent = True
        with self._timed("commit", attempt, writing):
            await self._send(connection, writing, sql)

    def _timed(self, step: str, attempt: Attempt, statements: list[Statement]) -> AbstractContextManager[None]:
        return self._slow.timed(step, lambda: "; ".join(statement.sql for statement in statements), attempt.commands[0].context)

    async def _send(self, connection: aiomysql.Connection, statements: list[Statement], sql: bytes | None = None) -> list[list[RawRow]]:
        try:
            async with asyncio.timeout(self._deadline):
                return await exchange(connection, packet(statements) if sql is None else sql)
        except TimeoutError as late:
            raise ConnectionLost("the server did not answer in time") from late
        except StatementRefused as refused:
            if refused.errno in ENDS_CONNECTION:
                self.close()
            statement = statements[refused.index]
            if statement.sql == "COMMIT":
                raise ConnectionLost("COMMIT was refused") from refused
            raise by_mysql(refused, statement.table) from refused

    async def _roll_back(self, connection: aiomysql.Connection) -> None:
        """Without an answer the connection is closed, which rolls back as well."""
        if self._connection is None:
            return
        try:
            await self._send(connection, _ROLLBACK)
        except (ConnectionLost, Refused):
            self.close()

    async def _connected(self) -> aiomysql.Connection:
        """Raises NotCommitted."""
        if self._connection is not None and time.monotonic() - self._used_at > PING_AFTER_SECONDS:
            try:
                await self._send(self._connection, _PING)
            except (ConnectionLost, Refused):
                self.close()
        if self._connection is None:
            try:
                async with asyncio.timeout(self._deadline):
                    self._connection = await connect(self._address, idle_seconds=WRITER_IDLE_SECONDS, autocommit=True)
            except (Error, OSError, TimeoutError) as fault:
                short = bool(SHORTAGES.intersection(fault.args[:1]))
                raise NotCommitted("no database takes writes", shortage=short) from fault
        return self._connection
