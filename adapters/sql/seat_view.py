"""Seats, as fans see them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Row, and_, case, cast, func, or_, select

from adapters.sql.core_tables import SEATS
from adapters.sql.database import Reader
from adapters.sql.domain_rows import seat_of
from adapters.sql.lookups import Query, any_of, by_key, page_of, page_size
from application.ports.catalogue import GradeAvailability, Page, SeatFilter
from domain.ids import PerformanceId, SeatId
from domain.money import Won
from domain.seat import Seat, SeatStatus


class SqlSeatView:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def seats(self, performance_id: PerformanceId, which: SeatFilter, first: int, after: UUID | None, now: datetime) -> Page[Seat]:
        def seen(row: Row[Any]) -> Seat:
            seat = seat_of(row)
            if seat.status_at(now) is seat.status:
                return seat
            return replace(seat, status=seat.status_at(now), reservation_id=None, held_until=None)

        return page_of(await self._reader.rows(seats_page(performance_id, which, first, after, now)), first, seen)

    async def seats_by_id(self, ids: Sequence[SeatId]) -> Sequence[Seat | None]:
        found = await by_key(self._reader, SEATS, ids, select(SEATS))
        rows = [found.get(seat_id) for seat_id in ids]
        return [row and seat_of(row) for row in rows]

    async def grades_of(self, ids: Sequence[PerformanceId], now: datetime) -> Sequence[Sequence[GradeAvailability]]:
        found: dict[PerformanceId, list[GradeAvailability]] = {performance_id: [] for performance_id in ids}
        for row in await self._reader.rows(grades(list(found), now)):
            availability = GradeAvailability(grade=row.grade, price=Won(row.price), total=row.total, available=row.available)
            found[PerformanceId(row.concert_id, row.performance_id)].append(availability)
        return [found[performance_id] for performance_id in ids]

    async def changed_since(
        self, ids: Mapping[PerformanceId, datetime], limit: int
    ) -> Mapping[PerformanceId, Sequence[tuple[datetime, Seat]]]:
        """One statement a performance, side by side: each reads its own piece of the index, in its order."""
        rows = await asyncio.gather(*(self._reader.rows(changes(key, since, limit)) for key, since in ids.items()))
        return {key: [(row.changed_at, seat_of(row)) for row in found] for key, found in zip(ids, rows, strict=True)}


def seats_page(performance_id: PerformanceId, which: SeatFilter, first: int, after: UUID | None, now: datetime) -> Query:
    page = select(SEATS).where(_of(performance_id)).order_by(SEATS.c.seat_id).limit(page_size(first) + 1)
    if after is not None:
        page = page.where(SEATS.c.seat_id > after)
    if which.grade is not None:
        page = page.where(SEATS.c.grade == which.grade)
    if which.status is not None:
        page = page.where(_reads(which.status, now))
    return page


def grades(performances: Sequence[PerformanceId], now: datetime) -> Query:
    """MySQL sums to a DECIMAL: hence the cast."""
    available = cast(func.sum(case((_reads(SeatStatus.AVAILABLE, now), 1), else_=0)), Integer)
    group = (SEATS.c.concert_id, SEATS.c.performance_id, SEATS.c.grade, SEATS.c.price)
    return (
        select(*group, func.count().label("total"), available.label("available"))
        .where(any_of((SEATS.c.concert_id, SEATS.c.performance_id), performances))
        .group_by(*group)
        .order_by(SEATS.c.price.desc(), SEATS.c.grade)
    )


def changes(performance_id: PerformanceId, since: datetime, limit: int) -> Query:
    return (
        select(SEATS)
        .where(_of(performance_id), SEATS.c.changed_at >= since)
        .order_by(SEATS.c.changed_at, SEATS.c.seat_id)
        .limit(page_size(limit))
    )


def _of(performance_id: PerformanceId) -> ColumnElement[bool]:
    return and_(SEATS.c.concert_id == performance_id.concert_id, SEATS.c.performance_id == performance_id.performance)


def _reads(status: SeatStatus, now: datetime) -> ColumnElement[bool]:
    """``Seat.status_at``, for the database."""
    match status:
        case SeatStatus.AVAILABLE:
            run_out = and_(SEATS.c.status == SeatStatus.HELD, SEATS.c.held_until <= now)
            return or_(SEATS.c.status == SeatStatus.AVAILABLE, run_out)
        case SeatStatus.HELD:
            return and_(SEATS.c.status == SeatStatus.HELD, or_(SEATS.c.held_until.is_(None), SEATS.c.held_until > now))
        case SeatStatus.SOLD:
            return SEATS.c.status == SeatStatus.SOLD
