"""Group commit: transactions that wait at the same moment share one round of locks and one COMMIT."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from adapters.sql.attempt import Attempt, Command
from adapters.sql.faults import Refused
from adapters.sql.mysql_database import MysqlDatabase
from adapters.sql.mysql_session import MysqlSession
from adapters.sql.slow_statements import SLOW_SECONDS, SlowStatements
from adapters.sql.sqlite_database import SqliteDatabase
from adapters.sql.sqlite_session import SqliteSession
from adapters.sql.waiting_room import WaitingRoom
from application.failures import Shortage
from application.ports.clock import Clock
from application.ports.metrics import Metrics
from application.ports.unit_of_work import ResultT, Transaction
from domain.errors import NotCommitted, OutcomeUnknown, ServiceUnavailable

log = logging.getLogger(__name__)

DECISIONS = 5
"""How often a transaction is decided on anew because another one added a row first."""


class Session(Protocol):
    """A writer's way to the database."""

    async def commit(self, attempt: Attempt) -> None:
        """Loads, decides, writes, commits. Raises Refused, NotCommitted or OutcomeUnknown."""
        ...

    def close(self) -> None: ...


class SqlUnitOfWork:
    """Each writer takes whatever waits, at most ``group_size`` of one shard, with no timer: who comes alone commits alone."""

    def __init__(
        self,
        database: MysqlDatabase | SqliteDatabase,
        clock: Clock,
        metrics: Metrics,
        *,
        writers: int = 2,
        group_size: int = 64,
        waiting: int = 2_000,
        deadline_seconds: float = 5.0,
        drain_seconds: float = 20.0,
        slow_seconds: float = SLOW_SECONDS,
    ) -> None:
        """``writers`` is for MySQL; SQLite has one. ``deadline_seconds`` bounds each packet, ``drain_seconds`` closing."""
        self._metrics = metrics
        self._shortage = Shortage(metrics, "waiting_room", time.monotonic)
        self._room = WaitingRoom(capacity=waiting, group_size=group_size)
        self._fallback_seconds = deadline_seconds
        self._drain_seconds = drain_seconds
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._session: Callable[[], Session]
        slow = SlowStatements(metrics, slow_seconds)
        if isinstance(database, MysqlDatabase):
            self._writers = writers
            self._session = lambda: MysqlSession(database.address, clock, slow, deadline_seconds)
        else:
            self._writers = 1
            self._session = lambda: SqliteSession(database, clock, slow)

    async def open(self) -> None:
        for _ in range(self._writers):
            self._start_writer()

    async def close(self) -> None:
        """Takes no more, finishes what waits, for a while; what is left then was not committed."""
        self._closing = True
        self._room.close()
        until = time.monotonic() + self._drain_seconds
        while self._tasks and time.monotonic() < until:
            await asyncio.wait(self._tasks, timeout=until - time.monotonic())
        late = tuple(self._tasks)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for command in self._room.clear():
            _fail(command, NotCommitted("the unit of work was closed"))

    async def run(self, transaction: Transaction[ResultT]) -> ResultT:
        """As the port says. Raises ServiceUnavailable when too many wait, or after closing."""
        answer: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
        try:
            self._room.enter(Command(transaction, transaction.needs(), answer))
        except ServiceUnavailable:
            self._shortage.note()
            raise
        return await answer

    def _start_writer(self) -> None:
        task = asyncio.create_task(self._write(), name="sql-writer")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """A writer that died is replaced; what it held it has failed on its way out."""
        self._tasks.discard(task)
        if task.cancelled() or task.exception() is not None:
            log.error("a writer died", exc_info=None if task.cancelled() else task.exception())
            self._metrics.count("concert_writer_deaths_total")
            if not self._closing or len(self._room):
                self._start_writer()

    async def _write(self) -> None:
        session = self._session()
        try:
            while commands := await self._room.take():
                await self._commit(session, commands)
        finally:
            session.close()

    async def _commit(self, session: Session, commands: list[Command]) -> None:
        started = time.monotonic()
        try:
            refused = await self._try(session, commands)
            if refused is not None:
                await self._one_by_one(session, commands, refused)
        finally:
            self._metrics.observe("concert_commit_seconds", time.monotonic() - started)

    async def _try(self, session: Session, commands: list[Command]) -> Refused | None:
        """Answers all of them, or says why the database took nothing."""
        attempt = Attempt(commands)
        try:
            await session.commit(attempt)
        except Refused as refused:
            return refused
        except (NotCommitted, OutcomeUnknown) as fault:
            _fail_all(attempt, fault)
        except BaseException:
            _fail_all(attempt, OutcomeUnknown("the writer died"))
            raise
        else:
            _answer(attempt)
        return None

    async def _one_by_one(self, session: Session, commands: list[Command], refused: Refused) -> None:
        """The one at fault gets its own answer, and so does everyone else."""
        alone = len(commands) == 1
        until = time.monotonic() + self._fallback_seconds
        try:
            for command in commands:
                if time.monotonic() < until:
                    await self._alone(session, command, refused if alone else None)
        finally:
            for command in commands:
                _fail(command, NotCommitted("its group took too long, or its writer died"))

    async def _alone(self, session: Session, command: Command, refused: Refused | None) -> None:
        """``refused``: what became of the first try, if there was one."""
        for _ in range(DECISIONS):
            if command.answer.done() or (refused is not None and not refused.decide_again):
                break
            refused = await self._try(session, [command])
        if refused is not None:
            _fail(command, refused.error)


def _answer(attempt: Attempt) -> None:
    for command, result, refusal, _ in attempt.decided:
        if refusal is not None:
            _fail(command, refusal)
        elif not command.answer.done():
            command.answer.set_result(result)


def _fail(command: Command, error: BaseException) -> None:
    if not command.answer.done():
        command.answer.set_exception(error)


def _fail_all(attempt: Attempt, fault: NotCommitted | OutcomeUnknown) -> None:
    """Each caller an exception of their own. Before COMMIT was sent, and for who wrote nothing, nothing is unknown."""
    wrote = {id(decided.command) for decided in attempt.decided if decided.wrote and attempt.commit_sent}
    for command in attempt.commands:
        kind = type(fault) if id(command) in wrote else NotCommitted
        own = kind(*fault.args, step=fault.step, shortage=fault.shortage)
        own.__cause__ = fault.__cause__
        _fail(command, own)
