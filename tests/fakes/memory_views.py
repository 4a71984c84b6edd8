"""What the queue reads from a database in memory."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from application.ports.catalogue import Page
from application.ports.queue_records import LiveQueue
from domain.buyer import Buyer
from domain.concert import Concert, Performance
from domain.concert_queue import ConcertQueue, QueueStatus
from domain.errors import StoreUnavailable
from domain.ids import BuyerId, ConcertId, PerformanceId, UserId
from tests.fakes.memory_unit_of_work import MemoryUnitOfWork


class MemoryQueueView:
    """``away``: every read fails. ``concerts`` are kept beside the rows: no transaction writes them."""

    def __init__(self, database: MemoryUnitOfWork) -> None:
        self._database = database
        self.concerts: dict[ConcertId, Concert] = {}
        self.sold_out: set[ConcertId] = set()
        self.away = False

    async def queues_by_id(self, ids: Sequence[ConcertId]) -> Sequence[ConcertQueue | None]:
        return [self._kind("queues").get(concert_id) for concert_id in ids]

    async def live_queues(self, now: datetime, limit: int) -> Sequence[LiveQueue]:
        queues = self._kind("queues")
        return [
            LiveQueue(queue=queues[concert.id], sales_open_at=concert.sales_open_at)
            for concert in sorted(self.concerts.values(), key=lambda concert: concert.id)
            if concert.queue_opens_at <= now < concert.sales_close_at and queues[concert.id].status is not QueueStatus.CLOSED
        ][:limit]

    async def buyers_by_id(self, ids: Sequence[BuyerId]) -> Sequence[Buyer | None]:
        return [self._kind("buyers").get(buyer_id) for buyer_id in ids]

    async def buyers_of(self, concert_id: ConcertId, first: int, after: UserId | None) -> Sequence[Buyer]:
        rows: list[Buyer] = sorted(self._kind("buyers").values(), key=lambda buyer: buyer.id.user_id.bytes)
        behind = b"" if after is None else after.bytes
        return [row for row in rows if row.id.concert_id == concert_id and row.id.user_id.bytes > behind][:first]

    def _kind(self, name: str) -> dict[Any, Any]:
        if self.away:
            raise StoreUnavailable("the database is away")
        return self._database.kind(name)


class MemoryConcertView:
    """The catalogue as far as the queue reads it."""

    def __init__(self, view: MemoryQueueView) -> None:
        self._view = view

    async def concerts_by_id(self, ids: Sequence[ConcertId]) -> Sequence[Concert | None]:
        if self._view.away:
            raise StoreUnavailable("the database is away")
        return [self._view.concerts.get(concert_id) for concert_id in ids]

    async def is_sold_out(self, concert_id: ConcertId) -> bool:
        return concert_id in self._view.sold_out

    async def concerts(self, first: int, after: UUID | None) -> Page[Concert]:
        del after
        return Page(items=tuple(self._view.concerts.values())[:first], has_next=False)

    async def performances_by_id(self, ids: Sequence[PerformanceId]) -> Sequence[Performance | None]:
        return [None for _ in ids]

    async def performances_of(self, ids: Sequence[ConcertId]) -> Sequence[Sequence[Performance]]:
        return [() for _ in ids]
