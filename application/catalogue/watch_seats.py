"""Watching a seat map: what changed since it was read, in batches."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from application.ports.catalogue import ConcertView, SeatView
from application.ports.clock import Clock
from application.ports.sleeper import Sleeper
from domain.errors import PerformanceNotFound, TransientError
from domain.ids import PerformanceId, SeatId
from domain.seat import Seat

Changes = Sequence[tuple[datetime, Seat]]

log = logging.getLogger(__name__)

TICK = 1.0
"""Seconds between two looks; also the least time between two batches to one watcher."""
OVERLAP = timedelta(seconds=3)
"""How far back each look goes: a change is stamped under its lock and seen after its commit, by clocks that differ."""
PAGE = 500
MOST_PAGES = 10
"""In one look at one performance; what is more has to be read as a map."""
OLDEST_CURSOR = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatBatch:
    """The seats as they are now; going on from ``cursor`` misses nothing and may repeat something.

    ``reset``: too much has happened since the cursor; the map has to be read again.
    """

    cursor: datetime
    seats: tuple[Seat, ...]
    reset: bool = False


@dataclass(slots=True, eq=False)
class _Watcher:
    """Changed seats not handed out yet: one entry a seat, however slow the reader."""

    cursor: datetime
    pending: dict[SeatId, Seat] = field(default_factory=dict)
    reset: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, seats: Mapping[SeatId, Seat], reset: bool, now: datetime) -> None:
        self.cursor = now
        self.reset = self.reset or reset
        self.pending.update(seats)
        if self.reset:
            self.pending.clear()
        self.news.set()

    def take(self) -> SeatBatch:
        batch = SeatBatch(cursor=self.cursor, seats=tuple(self.pending.values()), reset=self.reset)
        self.pending.clear()
        self.reset = False
        self.news.clear()
        return batch


@dataclass(slots=True)
class _Feed:
    """What one performance's watchers in this process share: one look a tick, whoever watches."""

    since: datetime
    told: dict[SeatId, datetime] = field(default_factory=dict)
    watchers: set[_Watcher] = field(default_factory=set)

    def tell(self, changes: Changes | None, now: datetime) -> None:
        """Each change once; where they are too many to be told, that the map has to be read again."""
        news = {seat.id: seat for moment, seat in changes or () if self.told.get(seat.id) != moment}
        self.told.update((seat.id, moment) for moment, seat in changes or ())
        if news or changes is None:
            for watcher in self.watchers:
                watcher.hear(news, changes is None, now)

    def forget(self, before: datetime) -> None:
        """What no later look can bring again need not be known as told."""
        self.told = {seat_id: moment for seat_id, moment in self.told.items() if moment >= before}


class WatchSeats:
    def __init__(self, concerts: ConcertView, seats: SeatView, clock: Clock, sleeper: Sleeper, tick: float = TICK) -> None:
        self._concerts = concerts
        self._seats = seats
        self._clock = clock
        self._sleeper = sleeper
        self._tick = tick
        self._feeds: dict[PerformanceId, _Feed] = {}
        self._looking: asyncio.Task[None] | None = None

    async def __call__(self, performance_id: PerformanceId, after: datetime | None) -> AsyncGenerator[SeatBatch, None]:
        """What changed since ``after`` at once, then each change, at most one batch a tick. Raises PerformanceNotFound."""
        if (await self._concerts.performances_by_id([performance_id]))[0] is None:
            raise PerformanceNotFound
        watcher = await self._enter(performance_id)
        try:
            if after is not None and (missed := await self._missed(performance_id, after)) is not None:
                yield missed
                await self._sleeper.sleep(self._tick)
            while True:
                await watcher.news.wait()
                yield watcher.take()
                await self._sleeper.sleep(self._tick)
        finally:
            self._leave(performance_id, watcher)

    async def _missed(self, performance_id: PerformanceId, after: datetime) -> SeatBatch | None:
        now = self._clock.now()
        if now - after > OLDEST_CURSOR:
            return SeatBatch(cursor=now, seats=(), reset=True)
        changes = await self._changes(performance_id, after - OVERLAP)
        if changes is None:
            return SeatBatch(cursor=now, seats=(), reset=True)
        return SeatBatch(cursor=now, seats=tuple(seat for _, seat in changes)) if changes else None

    async def _changes(self, performance_id: PerformanceId, since: datetime, first: Changes | None = None) -> Changes | None:
        """All changes since then, ``first`` being the first page if it was read; None where they are too many."""
        page = first if first is not None else await self._page(performance_id, since)
        changes = list(page)
        for _ in range(MOST_PAGES):
            if len(page) < PAGE:
                return changes
            behind = page[-1][0]
            if behind == since:  # more seats of one moment than a page has
                return None
            since, page = behind, await self._page(performance_id, behind)
            changes += page
        return None

    async def _page(self, performance_id: PerformanceId, since: datetime) -> Changes:
        return (await self._seats.changed_since({performance_id: since}, PAGE)).get(performance_id, ())

    async def _enter(self, performance_id: PerformanceId) -> _Watcher:
        watcher = _Watcher(cursor=self._clock.now())
        feed = self._feeds.get(performance_id)
        if feed is None:
            feed = self._feeds[performance_id] = await self._started(performance_id)
        feed.watchers.add(watcher)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_for_changes())
        return watcher

    async def _started(self, performance_id: PerformanceId) -> _Feed:
        """What has changed before the first watcher came is taken as told."""
        now = self._clock.now()
        before = await self._changes(performance_id, now - OVERLAP) or ()
        return self._feeds.get(performance_id) or _Feed(since=now, told={seat.id: moment for moment, seat in before})

    def _leave(self, performance_id: PerformanceId, watcher: _Watcher) -> None:
        feed = self._feeds[performance_id]
        feed.watchers.discard(watcher)
        if not feed.watchers:
            del self._feeds[performance_id]

    async def _look_for_changes(self) -> None:
        """One look a tick for all performances that are watched, until none is."""
        while self._feeds:
            try:
                await self._look()
            except TransientError as fault:
                log.warning("the seats could not be looked at; trying again", extra={"kind": type(fault).__name__})
            await self._sleeper.sleep(self._tick)

    async def _look(self) -> None:
        now = self._clock.now()
        asked = {performance_id: feed.since - OVERLAP for performance_id, feed in self._feeds.items()}
        pages = await self._seats.changed_since(asked, PAGE)
        for performance_id, since in asked.items():
            changes = await self._changes(performance_id, since, pages.get(performance_id, ()))
            if (feed := self._feeds.get(performance_id)) is not None:
                feed.tell(changes, now)
                feed.forget(since)
                feed.since = now
