"""The catalogue, as it is read."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import exists, func, select

from adapters.sql.core_tables import CONCERTS, PERFORMANCES, SEATS
from adapters.sql.database import Reader
from adapters.sql.domain_rows import concert_of, performance_of
from adapters.sql.lookups import Query, by_key, page_of, page_size
from application.ports.catalogue import Page
from domain.concert import Concert, Performance
from domain.ids import ConcertId, PerformanceId
from domain.seat import SeatStatus

MOST_PERFORMANCES = 100
FRESH_SECONDS = 1.0
REMEMBERED_CONCERTS = 1_000

_TERMS = (CONCERTS.c.title, CONCERTS.c.sales_open_at, CONCERTS.c.sales_close_at, CONCERTS.c.purchase_limit)
_PERFORMANCE = select(PERFORMANCES, *_TERMS).join_from(PERFORMANCES, CONCERTS, CONCERTS.c.concert_id == PERFORMANCES.c.concert_id)


class SqlConcertView:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._sold_out: dict[ConcertId, tuple[float, asyncio.Task[bool]]] = {}

    async def concerts(self, first: int, after: UUID | None) -> Page[Concert]:
        return page_of(await self._reader.rows(concerts_page(first, after)), first, concert_of)

    async def concerts_by_id(self, ids: Sequence[ConcertId]) -> Sequence[Concert | None]:
        found = await by_key(self._reader, CONCERTS, [(concert_id,) for concert_id in ids], select(CONCERTS))
        rows = [found.get((concert_id,)) for concert_id in ids]
        return [row and concert_of(row) for row in rows]

    async def performances_by_id(self, ids: Sequence[PerformanceId]) -> Sequence[Performance | None]:
        found = await by_key(self._reader, PERFORMANCES, ids, _PERFORMANCE)
        rows = [found.get(performance_id) for performance_id in ids]
        return [row and performance_of(row) for row in rows]

    async def performances_of(self, ids: Sequence[ConcertId]) -> Sequence[Sequence[Performance]]:
        found: dict[UUID, list[Performance]] = {concert_id: [] for concert_id in ids}
        for row in await self._reader.rows(first_performances(list(found))):
            found[row.concert_id].append(performance_of(row))
        return [found[concert_id] for concert_id in ids]

    async def is_sold_out(self, concert_id: ConcertId) -> bool:
        """Read once a second, however many ask: in a hall that is sold out every seat has to be looked at."""
        now = asyncio.get_running_loop().time()
        read_at, answer = self._sold_out.get(concert_id, (now - FRESH_SECONDS, None))
        if answer is None or read_at <= now - FRESH_SECONDS:
            answer = asyncio.create_task(self._read_sold_out(concert_id))
            self._sold_out.pop(concert_id, None)
            self._sold_out[concert_id] = (now, answer)
            while len(self._sold_out) > REMEMBERED_CONCERTS:
                del self._sold_out[next(iter(self._sold_out))]
        return await asyncio.shield(answer)

    async def _read_sold_out(self, concert_id: ConcertId) -> bool:
        [row] = await self._reader.rows(sold_out(concert_id))
        return bool(row.has_seats) and not row.has_unsold


def concerts_page(first: int, after: UUID | None) -> Query:
    page = select(CONCERTS).order_by(CONCERTS.c.concert_id).limit(page_size(first) + 1)
    return page if after is None else page.where(CONCERTS.c.concert_id > after)


def first_performances(concert_ids: Sequence[UUID]) -> Query:
    """Of each concert the first so many by starting time."""
    order = func.row_number().over(
        partition_by=PERFORMANCES.c.concert_id, order_by=(PERFORMANCES.c.starts_at, PERFORMANCES.c.performance_id)
    )
    numbered = _PERFORMANCE.add_columns(order.label("nth")).where(PERFORMANCES.c.concert_id.in_(concert_ids)).subquery()
    return select(numbered).where(numbered.c.nth <= MOST_PERFORMANCES).order_by(numbered.c.concert_id, numbered.c.nth)


def sold_out(concert_id: UUID) -> Query:
    """Whether there is a seat at all, and whether one is not sold."""
    seat = exists().where(SEATS.c.concert_id == concert_id)
    return select(seat.label("has_seats"), seat.where(SEATS.c.status != SeatStatus.SOLD).label("has_unsold"))
