"""Where a process can die so that it matters: at COMMIT, and at remote calls. Decorators over the ports number these points.

Between two of them nothing is written and nothing leaves, so dying there is dying at the one before.
"""

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

from application.ports.unit_of_work import Needs, ResultT, Transaction, UnitOfWork
from application.work import Work


def die() -> None:
    """As by ``kill -9``: nothing is closed, rolled back or told to anyone."""
    os.kill(os.getpid(), signal.SIGKILL)


def stand_still() -> None:
    """Until somebody sends SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


@dataclass(slots=True)
class CrashPoints:
    """``at``: the number (from 1), or a part of the name, of the point where ``act`` happens, once; None: they are only counted.

    Nothing counts before ``counting`` is set: a saga's scene is laid without harm.
    """

    at: int | str | None = None
    act: Callable[[], None] = die
    counting: bool = False
    passed: list[str] = field(default_factory=list)

    def reach(self, name: str) -> None:
        if not self.counting:
            return
        self.passed.append(name)
        if self.at == len(self.passed) or (isinstance(self.at, str) and self.at in name):
            self.at = None
            self.act()


@dataclass(slots=True)
class _Decided(Generic[ResultT]):
    """Everything is decided and locked; the COMMIT is what comes next."""

    transaction: Transaction[ResultT]
    name: str
    points: CrashPoints

    def needs(self) -> Needs:
        return self.transaction.needs()

    def decide(self, work: Work) -> ResultT:
        result = self.transaction.decide(work)
        self.points.reach(f"{self.name}: before COMMIT")
        return result


class WatchedUnitOfWork:
    def __init__(self, unit_of_work: UnitOfWork, points: CrashPoints) -> None:
        self._unit_of_work = unit_of_work
        self._points = points

    async def run(self, transaction: Transaction[ResultT]) -> ResultT:
        name = name_of(transaction)
        result = await self._unit_of_work.run(_Decided(transaction, name, self._points))
        self._points.reach(f"{name}: committed, the answer lost")
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._unit_of_work, name)


class Watched:
    """A port whose named calls write, or leave the house."""

    def __init__(self, port: Any, name: str, points: CrashPoints, calls: Sequence[str]) -> None:
        self._port = port
        self._name = name
        self._points = points
        self._calls = frozenset(calls)

    def __getattr__(self, call: str) -> Any:
        plain = getattr(self._port, call)
        if call not in self._calls:
            return plain

        async def watched(*arguments: Any, **named: Any) -> Any:
            self._points.reach(f"{self._name}.{call}: before it")
            result = await plain(*arguments, **named)
            if result is None or result:  # a claim that found nothing has written nothing
                self._points.reach(f"{self._name}.{call}: done, the answer lost")
            return result

        return watched


def name_of(transaction: Any) -> str:
    """Of the transaction itself, under whatever is wrapped around it."""
    while hasattr(transaction, "transaction"):
        transaction = transaction.transaction
    return type(transaction).__name__


WATCHED = {
    "outbox": ("claim", "mark_published", "release", "refuse"),
    "publisher": ("publish",),
    "subscriber": ("commit",),
    "notifications": ("claim", "begin_attempt", "mark_sent", "postpone", "mark_failed"),
    "errands": ("claim", "begin_send", "postpone", "hurry", "look_back"),
    "toss": ("confirm", "cancel", "look_up"),
}
"""Port (as the container names it) → its calls that write, or leave the house."""
CHANNEL_CALLS = ("send", "find")
