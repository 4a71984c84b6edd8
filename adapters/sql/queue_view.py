"""What the database remembers of the waiting queues, as it is read."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from adapters.sql.core_tables import BUYERS, CONCERT_QUEUES, CONCERTS
from adapters.sql.database import Reader
from adapters.sql.domain_rows import buyer_of, queue_of
from adapters.sql.lookups import Query, by_key, page_size
from application.ports.queue_records import LiveQueue
from domain.buyer import Buyer
from domain.concert_queue import ConcertQueue, QueueStatus
from domain.ids import BuyerId, ConcertId, UserId


class SqlQueueView:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def queues_by_id(self, ids: Sequence[ConcertId]) -> Sequence[ConcertQueue | None]:
        found = await by_key(self._reader, CONCERT_QUEUES, [(concert_id,) for concert_id in ids], select(CONCERT_QUEUES))
        rows = [found.get((concert_id,)) for concert_id in ids]
        return [row and queue_of(row) for row in rows]

    async def live_queues(self, now: datetime, limit: int) -> Sequence[LiveQueue]:
        rows = await self._reader.rows(live_queues(now, limit))
        return [LiveQueue(queue=queue_of(row), sales_open_at=row.sales_open_at) for row in rows]

    async def buyers_by_id(self, ids: Sequence[BuyerId]) -> Sequence[Buyer | None]:
        found = await by_key(self._reader, BUYERS, ids, select(BUYERS))
        rows = [found.get(buyer_id) for buyer_id in ids]
        return [row and buyer_of(row) for row in rows]

    async def buyers_of(self, concert_id: ConcertId, first: int, after: UserId | None) -> Sequence[Buyer]:
        return [buyer_of(row) for row in await self._reader.rows(buyers_page(concert_id, first, after))]


def live_queues(now: datetime, limit: int) -> Query:
    return (
        select(CONCERT_QUEUES, CONCERTS.c.sales_open_at)
        .join_from(CONCERTS, CONCERT_QUEUES, CONCERT_QUEUES.c.concert_id == CONCERTS.c.concert_id)
        .with_hint(CONCERTS, "FORCE INDEX (ix_concerts_sales_close_at)", "mysql")
        .where(CONCERTS.c.sales_close_at > now, CONCERTS.c.queue_opens_at <= now, CONCERT_QUEUES.c.status != QueueStatus.CLOSED)
        .order_by(CONCERTS.c.concert_id)
        .limit(page_size(limit))
    )


def buyers_page(concert_id: ConcertId, first: int, after: UserId | None) -> Query:
    page = select(BUYERS).where(BUYERS.c.concert_id == concert_id).order_by(BUYERS.c.user_id).limit(page_size(first))
    return page if after is None else page.where(BUYERS.c.user_id > after)
