"""Watching one's own position, live."""

import asyncio
from collections.abc import AsyncGenerator

from application.ports.clock import Clock
from application.ports.metrics import Metrics
from application.ports.queue_changes import QueueChanges
from application.ports.queue_records import QueueView
from application.queueing.concert_watch import ConcertWatch, Watcher
from application.queueing.epochs import Epochs
from application.queueing.sales import Sales
from application.queueing.standing import Standing
from application.queueing.standings import FINAL, Facts, Standings
from domain.errors import ConcertNotFound, QueueTokenInvalid, QueueTokenProblem, ServiceUnavailable, StoreUnavailable
from domain.ids import ConcertId, UserId
from domain.queue_token import QueueToken

TICK_SECONDS = 0.5


class ConcertWatches:
    """The concerts watched in this process, each moved by a task that lives as long as somebody watches."""

    def __init__(
        self,
        sales: Sales,
        epochs: Epochs,
        changes: QueueChanges,
        queues: QueueView,
        clock: Clock,
        metrics: Metrics,
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        self._sales = sales
        self._epochs = epochs
        self._changes = changes
        self._queues = queues
        self._clock = clock
        self._metrics = metrics
        self._tick_seconds = tick_seconds
        self._watches: dict[ConcertId, ConcertWatch] = {}
        self._tasks: dict[ConcertWatch, asyncio.Task[None]] = {}
        self._count = 0

    def enter(self, token: QueueToken) -> tuple[ConcertWatch, Watcher]:
        watcher = Watcher(token=token, place=token.place)
        watch = self._watches.get(token.concert_id)
        if watch is None:
            watch = self._start(token.concert_id)
        watch.enter(watcher)
        self._measure(1)
        return watch, watcher

    def exit(self, watch: ConcertWatch, watcher: Watcher) -> None:
        watch.exit(watcher)
        self._measure(-1)

    async def close(self) -> None:
        """Ends all streams."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, concert_id: ConcertId) -> ConcertWatch:
        watch = ConcertWatch(concert_id, self._sales, self._epochs, self._changes, self._queues, self._clock, self._tick_seconds)
        self._watches[concert_id] = watch
        self._run(concert_id, watch)
        return watch

    def _run(self, concert_id: ConcertId, watch: ConcertWatch) -> None:
        task = self._tasks[watch] = asyncio.get_running_loop().create_task(watch.run())
        task.add_done_callback(lambda done: self._ended(concert_id, watch, done))

    def _ended(self, concert_id: ConcertId, watch: ConcertWatch, done: asyncio.Task[None]) -> None:
        failure = None if done.cancelled() else done.exception()
        if not done.cancelled() and failure is None and any(watch.watchers()):  # somebody came as the last one went
            self._run(concert_id, watch)
            return
        del self._tasks[watch], self._watches[concert_id]
        watch.fail(failure)

    def _measure(self, change: int) -> None:
        self._count += change
        self._metrics.gauge("concert_queue_watchers", self._count)


class WatchPosition:
    def __init__(self, sales: Sales, watches: ConcertWatches, standings: Standings) -> None:
        self._sales = sales
        self._watches = watches
        self._standings = standings

    def __call__(self, user_id: UserId, value: str) -> AsyncGenerator[Standing, None]:
        """At once, then on each change; ends after ACTIVE, EXPIRED or LEFT. Stays open while the line is away.

        Raises QueueTokenInvalid, and ServiceUnavailable where nothing is known of the concert.
        """
        return self._watch(self._standings.read_own(user_id, value))

    async def _watch(self, token: QueueToken) -> AsyncGenerator[Standing, None]:
        try:
            await self._sales.of(token.concert_id)
        except ConcertNotFound as unknown:
            raise QueueTokenInvalid(QueueTokenProblem.WRONG_CONCERT) from unknown
        except StoreUnavailable as fault:
            raise ServiceUnavailable(retry_after_seconds=2) from fault
        watch, watcher = self._watches.enter(token)
        try:
            told: Facts | None = None
            while told is None or told.state not in FINAL:
                told = await _next(watcher, told)
                yield self._standings.of(token, told, watch.line)
        finally:
            self._watches.exit(watch, watcher)


async def _next(watcher: Watcher, told: Facts | None) -> Facts:
    while watcher.facts is None or watcher.facts == told:
        if watcher.failure is not None:
            raise watcher.failure
        await watcher.news.wait()
        watcher.news.clear()
    return watcher.facts
