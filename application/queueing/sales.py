"""What everyone who deals with a concert's queue has to know of its sale, read once a second for all of them."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

from application.ports.catalogue import ConcertView
from application.ports.queue_records import QueueView
from application.ports.sleeper import Sleeper
from application.ports.waiting_queue import QueueEpoch
from domain.concert import Concert
from domain.concert_queue import ConcertQueue, QueueStatus
from domain.errors import ConcertNotFound, SalesClosed, SalesClosedReason, StoreUnavailable
from domain.ids import ConcertId
from domain.queue_token import QueuePhase

FRESH_FOR = 1.0
"""Seconds for which what was read is good enough: an operator's lever takes so long to reach every process."""
MOST_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    concert: Concert
    queue: ConcertQueue
    sold_out: bool

    @property
    def at(self) -> QueueEpoch:
        return QueueEpoch(self.queue.concert_id, self.queue.epoch)

    def phase(self, now: datetime) -> QueuePhase:
        if self.queue.status is QueueStatus.CLOSED or now >= self.concert.sales_close_at:
            return QueuePhase.CLOSED
        if now < self.concert.sales_open_at:
            return QueuePhase.GATHERING
        return QueuePhase.PAUSED if self.queue.status is QueueStatus.PAUSED else QueuePhase.OPEN

    def ensure_joinable(self, now: datetime) -> None:
        """Raises SalesNotOpen or SalesClosed."""
        self.concert.ensure_queue_open(now)
        if self.queue.status is QueueStatus.CLOSED:
            raise SalesClosed(SalesClosedReason.CLOSED_BY_OPERATOR)
        if self.sold_out:
            raise SalesClosed(SalesClosedReason.SOLD_OUT)


@dataclass(slots=True)
class _Known:
    sale: Sale | None = None
    read_at: float = float("-inf")
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


class Sales:
    """While the database is away, what was read last is still told: the line itself needs no more than that."""

    def __init__(self, concerts: ConcertView, queues: QueueView, sleeper: Sleeper, fresh_for: float = FRESH_FOR) -> None:
        self._concerts = concerts
        self._queues = queues
        self._sleeper = sleeper
        self._fresh_for = fresh_for
        self._known: OrderedDict[ConcertId, _Known] = OrderedDict()

    async def of(self, concert_id: ConcertId) -> Sale:
        """Raises ConcertNotFound, or StoreUnavailable where nothing was ever read."""
        known = self._known_of(concert_id)
        if (sale := self._fresh(known)) is not None:
            return sale
        async with known.reading:
            return self._fresh(known) or await self._reread(concert_id, known)

    async def anew(self, concert_id: ConcertId) -> Sale:
        """As ``of``, but not from memory."""
        known = self._known_of(concert_id)
        async with known.reading:
            return await self._reread(concert_id, known)

    async def after(self, lost: QueueEpoch) -> Sale:
        """As ``of``, but not what was known while the queue was in that epoch: one of those who ask reads, in their order."""
        known = self._known_of(lost.concert_id)
        if known.sale is not None and known.sale.at != lost:
            return known.sale
        async with known.reading:
            if known.sale is not None and known.sale.at != lost:
                return known.sale
            return await self._reread(lost.concert_id, known)

    async def _reread(self, concert_id: ConcertId, known: _Known) -> Sale:
        try:
            known.sale = await self._read(concert_id)
        except StoreUnavailable:
            if known.sale is None:
                raise
        known.read_at = self._sleeper.elapsed()
        return known.sale

    def _fresh(self, known: _Known) -> Sale | None:
        return known.sale if self._sleeper.elapsed() - known.read_at < self._fresh_for else None

    def _known_of(self, concert_id: ConcertId) -> _Known:
        known = self._known.setdefault(concert_id, _Known())
        self._known.move_to_end(concert_id)
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
        return known

    async def _read(self, concert_id: ConcertId) -> Sale:
        (concert,), (queue,), sold_out = await asyncio.gather(
            self._concerts.concerts_by_id([concert_id]),
            self._queues.queues_by_id([concert_id]),
            self._concerts.is_sold_out(concert_id),
        )
        if concert is None or queue is None:
            self._known.pop(concert_id, None)
            raise ConcertNotFound
        return Sale(concert=concert, queue=queue, sold_out=sold_out)
