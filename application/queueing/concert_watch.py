"""One concert's watchers in this process, moved together."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from application.ports.clock import Clock
from application.ports.queue_changes import Change, ChangeKind, Followed, QueueChanges
from application.ports.queue_records import QueueView
from application.ports.waiting_queue import LineState, QueueEpoch, Sighting, Spot
from application.queueing.epochs import Epochs, Recovering
from application.queueing.position_board import PositionBoard
from application.queueing.sales import Sales
from application.queueing.standings import FINAL, Facts, condition_of, recorded_facts
from domain.errors import QueueUnavailable, SalesClosed, StoreUnavailable
from domain.ids import ConcertId, UserId
from domain.queue_token import QueueCondition, QueuePhase, QueueToken, QueueTokenState

SHOWN_AT_ONCE = 256
READ_AT_ONCE = 500
PATIENCE = 0.3
"""Seconds for which a turn waits for a new epoch that somebody else opens, before it says so."""
GATHERING_TIME = 0.02
"""Seconds in which those who come at the same moment gather, so that they are looked up together."""


@dataclass(slots=True, eq=False)
class Watcher:
    """``facts`` are what it is to be told now, ``news`` says that they are others than before."""

    token: QueueToken
    place: int
    facts: Facts | None = None
    taken: bool = False
    failure: BaseException | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def user_id(self) -> UserId:
        return self.token.user_id


class ConcertWatch:
    """Once a tick: what changed in the line moves all positions; newcomers are looked up in the same call.

    In a new epoch, or where the log does not reach back far enough, everyone shows their place again, in batches.
    """

    def __init__(
        self,
        concert_id: ConcertId,
        sales: Sales,
        epochs: Epochs,
        changes: QueueChanges,
        queues: QueueView,
        clock: Clock,
        tick_seconds: float,
    ) -> None:
        self._concert_id = concert_id
        self._sales = sales
        self._epochs = epochs
        self._changes = changes
        self._queues = queues
        self._clock = clock
        self._tick_seconds = tick_seconds
        self._watchers: dict[UserId, list[Watcher]] = {}
        self._board = PositionBoard()
        self._at: QueueEpoch | None = None
        self._cursor: int | None = None
        self._phase = QueuePhase.OPEN
        self._condition = QueueCondition.LIVE
        self._to_show: dict[Watcher, None] = {}
        self._to_read: dict[Watcher, None] = {}
        self._touched: dict[Watcher, None] = {}
        self._wake = asyncio.Event()
        self.line: LineState | None = None

    def enter(self, watcher: Watcher) -> None:
        self._watchers.setdefault(watcher.user_id, []).append(watcher)
        self._to_show[watcher] = None
        self._wake.set()

    def exit(self, watcher: Watcher) -> None:
        others = self._watchers[watcher.user_id]
        others.remove(watcher)
        for pending in (self._to_show, self._to_read, self._touched):
            pending.pop(watcher, None)
        if not others:
            del self._watchers[watcher.user_id]
            self._board.remove(watcher.user_id, watcher.place)
            self._wake.set()

    def watchers(self) -> Iterator[Watcher]:
        for of_one in self._watchers.values():
            yield from of_one

    async def run(self) -> None:
        """As long as anybody watches."""
        while self._watchers:
            await self.turn()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._tick_seconds)
                await asyncio.sleep(GATHERING_TIME)
            self._wake.clear()

    async def turn(self) -> None:
        """Learn what is new, and tell those whom it concerns."""
        with suppress(StoreUnavailable):  # what was known of the sale goes on
            self._set(phase=(await self._sales.of(self._concert_id)).phase(self._clock.now()))
        if self._phase is QueuePhase.CLOSED:
            self._set(condition=QueueCondition.LIVE)
            self._ask_database_about_newcomers()
            self._to_show.clear()
        else:
            await self._follow()
        await self._read_rows()
        self._tell()

    def _set(self, *, phase: QueuePhase | None = None, condition: QueueCondition | None = None) -> None:
        before = self._phase, self._condition
        self._phase, self._condition = phase or self._phase, condition or self._condition
        if before != (self._phase, self._condition):
            self._touched |= dict.fromkeys(self.watchers())
            if condition is QueueCondition.UNAVAILABLE:
                self._to_read |= dict.fromkeys(self.watchers())  # a pass granted just now is a row, if it was granted

    async def _follow(self) -> None:
        try:
            while True:
                followed = await self._epochs.run(self._concert_id, self._ask, PATIENCE)
                if not self._to_show:
                    return self._set(condition=condition_of(followed.line))
        except SalesClosed:
            self._set(phase=QueuePhase.CLOSED)
        except Recovering:
            self._set(condition=QueueCondition.RECOVERING)
        except QueueUnavailable:
            self._set(condition=QueueCondition.UNAVAILABLE)
        self._ask_database_about_newcomers()
        return None

    def _ask_database_about_newcomers(self) -> None:
        newcomers = {watcher: None for watcher in self._to_show if watcher.facts is None}
        self._to_read |= newcomers
        self._touched |= newcomers

    async def _ask(self, at: QueueEpoch) -> Followed:
        batch = list(self._to_show)[:SHOWN_AT_ONCE]
        shown = [(watcher.user_id, watcher.place) for watcher in batch]
        followed = await self._changes.follow(at, self._cursor if at == self._at else None, shown)
        self._learn(at, batch, followed)
        return followed

    def _learn(self, at: QueueEpoch, batch: Sequence[Watcher], followed: Followed) -> None:
        if at != self._at or followed.changes is None:
            self._board.clear()
            self._to_show = dict.fromkeys(self.watchers())
        else:
            self._apply(followed.changes)
        self._at, self._cursor, self.line = at, followed.cursor, followed.line
        for watcher, sighting in zip(batch, followed.sightings, strict=True):
            self._to_show.pop(watcher, None)
            if self._watching(watcher):  # else it went while we asked
                self._see(watcher, sighting)

    def _apply(self, changes: Sequence[Change]) -> None:
        if self._board.apply(changes):
            self._touched |= dict.fromkeys(self.watchers())
        for change in changes:
            for watcher in self._watchers.get(change.user_id, ()):
                self._touched[watcher] = None
                if change.kind is ChangeKind.CAME:
                    self._to_show[watcher] = None
                elif change.kind is not ChangeKind.WENT:
                    self._to_read[watcher] = None
                elif change.place == watcher.place:
                    watcher.taken = True
                    self._board.remove(watcher.user_id, watcher.place)

    def _see(self, watcher: Watcher, sighting: Sighting) -> None:
        self._touched[watcher] = None
        watcher.taken = sighting.spot is Spot.ADMITTING
        if sighting.spot not in (Spot.WAITING, Spot.ADMITTING):
            self._board.remove(watcher.user_id, watcher.place)
            self._to_read[watcher] = None
            return
        self._to_read.pop(watcher, None)
        if sighting.place != watcher.place:
            self._board.remove(watcher.user_id, watcher.place)
            watcher.place = sighting.place
        if sighting.spot is Spot.WAITING:
            self._board.put(watcher.user_id, watcher.place, sighting.ahead)

    async def _read_rows(self) -> None:
        """What the database says of those whom the line knows no more; while it is away too, they are asked for again."""
        with suppress(StoreUnavailable):
            while batch := list(self._to_read)[:READ_AT_ONCE]:
                buyers = await self._queues.buyers_by_id([watcher.token.buyer_id for watcher in batch])
                now = self._clock.now()
                for watcher, buyer in zip(batch, buyers, strict=True):
                    self._to_read.pop(watcher, None)
                    facts = recorded_facts(buyer, watcher.place, now, self._phase, self._condition)
                    if facts.state in FINAL and self._watching(watcher):
                        self._touched.pop(watcher, None)
                        self._give(watcher, facts)

    def _watching(self, watcher: Watcher) -> bool:
        return watcher in self._watchers.get(watcher.user_id, ())

    def _tell(self) -> None:
        touched, self._touched = self._touched, {}
        for watcher in touched:
            if watcher.facts is None or watcher.facts.state not in FINAL:
                self._give(watcher, self._waiting(watcher))

    def _waiting(self, watcher: Watcher) -> Facts:
        ahead = 0 if watcher.taken else self._board.ahead(watcher.user_id, watcher.place)
        waiting = QueueTokenState.WAITING
        return Facts(place=watcher.place, state=waiting, phase=self._phase, condition=self._condition, ahead=ahead)

    def _give(self, watcher: Watcher, facts: Facts) -> None:
        if facts != watcher.facts:
            watcher.facts = facts
            watcher.news.set()

    def fail(self, failure: BaseException | None) -> None:
        """Nobody keeps these watchers any more; each hears why."""
        for watcher in self.watchers():
            watcher.failure = failure or asyncio.CancelledError()
            watcher.news.set()
