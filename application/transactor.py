"""The phases of a transaction, in one place: decide, listeners before the commit, the commit, hints after it."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol

from application.ports.hints import Hints
from application.ports.metrics import Metrics
from application.ports.unit_of_work import Needs, ResultT, Transaction, UnitOfWork
from application.work import Work
from domain.events import Event

log = logging.getLogger(__name__)


class Hint(Protocol):
    @property
    def __name__(self) -> str: ...

    def __call__(self, event: Any, hints: Hints, /) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Who hears one kind of event: plain functions inside its transaction, hints after it."""

    before_commit: tuple[Callable[[Any, Work], None], ...] = ()
    after_commit: tuple[Hint, ...] = ()


@dataclass(slots=True)
class _Heard(Generic[ResultT]):
    """A transaction whose events are heard by their before-commit listeners, inside it."""

    transaction: Transaction[ResultT]
    listeners: Mapping[type[Event], Listeners]
    events: list[Event] = field(default_factory=list)

    def needs(self) -> Needs:
        return self.transaction.needs()

    def decide(self, work: Work) -> ResultT:
        result = self.transaction.decide(work)
        for event in work.events:  # listeners may raise further events, which are heard in turn
            for listener in self.listeners[type(event)].before_commit:
                listener(event, work)
        self.events = work.events
        return result


class Transactor:
    def __init__(self, unit_of_work: UnitOfWork, listeners: Mapping[type[Event], Listeners], hints: Hints, metrics: Metrics) -> None:
        self._unit_of_work = unit_of_work
        self._listeners = listeners
        self._hints = hints
        self._metrics = metrics

    async def run(self, transaction: Transaction[ResultT]) -> ResultT:
        """As ``UnitOfWork.run``; then each event's hints, none of which can fail the caller."""
        heard = _Heard(transaction, self._listeners)
        result = await self._unit_of_work.run(heard)
        for event in heard.events:
            for hint in self._listeners[type(event)].after_commit:
                try:
                    await hint(event, self._hints)
                except Exception:
                    log.warning("a hint after the commit failed; a sweeper makes up for it", extra={"hint": hint.__name__}, exc_info=True)
                    self._metrics.count("concert_after_commit_failures_total", hint=hint.__name__)
        return result
