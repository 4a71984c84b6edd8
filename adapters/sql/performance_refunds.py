"""What is still to be given back for cancelled performances, looked up without locks."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select

from adapters.sql.booking_view import SqlBookingView
from adapters.sql.core_tables import GATEWAY_ERRANDS, PERFORMANCES, RESERVATIONS
from adapters.sql.database import Reader
from adapters.sql.lookups import CEILING, Query, any_of, page_size
from application.ports.performance_refunds import RefundProgress
from domain.concert import PerformanceStatus
from domain.gateway_errand import ErrandKind, ErrandState
from domain.ids import ConcertId, PerformanceId, ReservationId
from domain.reservation import Reservation, ReservationStatus

UNTOUCHED = (ReservationStatus.PENDING, ReservationStatus.CONFIRMED)
CHECKED = 20
"""Performances whose reservations one statement goes through."""

_PERFORMANCE = (PERFORMANCES.c.concert_id, PERFORMANCES.c.performance_id)
_RESERVATION = (RESERVATIONS.c.concert_id, RESERVATIONS.c.performance_id, RESERVATIONS.c.reservation_id)
_BY_KEY = "FORCE INDEX (PRIMARY)"


class SqlPerformanceRefunds:
    """Nothing is held or sold any more where a performance is cancelled: one that was seen finished stays finished."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._bookings = SqlBookingView(reader)
        self._finished: set[PerformanceId] = set()

    async def unfinished(self, limit: int) -> Sequence[PerformanceId]:
        """Each cancelled performance's reservations are gone through until it is finished, and never after that."""
        found: list[PerformanceId] = []
        after: PerformanceId | None = None
        while len(found) < limit:
            page = [_key_of(row) for row in await self._reader.rows(cancelled(after))]
            for start in range(0, len(page), CHECKED):
                found.extend(await self._unfinished_of(page[start : start + CHECKED]))
                if len(found) >= limit:
                    break
            if len(page) < CEILING:
                break
            after = page[-1]
        return found[:limit]

    async def reservations_to_refund(self, performance_id: PerformanceId, limit: int) -> Sequence[Reservation]:
        decided = await self._reader.rows(untouched(performance_id, RESERVATIONS.c.open_payment_id.is_(None), limit))
        undecided = await self._reader.rows(untouched(performance_id, RESERVATIONS.c.open_payment_id.is_not(None), limit - len(decided)))
        ids = [ReservationId(row.concert_id, row.performance_id, row.reservation_id) for row in (*decided, *undecided)]
        return [found for found in await self._bookings.reservations_by_id(ids) if found is not None]

    async def progress(self, performance_id: PerformanceId) -> RefundProgress:
        counts: Counter[str] = Counter()
        for row in await self._reader.rows(counted(performance_id)):
            counts[ErrandState.MANUAL if row.errand == ErrandState.MANUAL else row.status] += row.number
        return RefundProgress(
            left=sum(counts[status] for status in UNTOUCHED),
            refunding=counts[ReservationStatus.CANCELLING],
            manual=counts[ErrandState.MANUAL],
            done=counts[ReservationStatus.CANCELLED],
        )

    async def _unfinished_of(self, ids: Sequence[PerformanceId]) -> list[PerformanceId]:
        asked = [performance_id for performance_id in ids if performance_id not in self._finished]
        if not asked:
            return []
        left = {_key_of(row) for row in await self._reader.rows(with_untouched(asked))}
        self._finished.update(performance_id for performance_id in asked if performance_id not in left)
        return [performance_id for performance_id in asked if performance_id in left]


def cancelled(after: PerformanceId | None) -> Query:
    """By key, a page at a time."""
    page = select(*_PERFORMANCE).where(PERFORMANCES.c.status == PerformanceStatus.CANCELLED).order_by(*_PERFORMANCE).limit(CEILING)
    return page if after is None else page.where(_behind(after))


def with_untouched(ids: Sequence[PerformanceId]) -> Query:
    """Those that are cancelled and have a reservation of which nothing was given back yet, seen at one moment."""
    left = (
        select(1)
        .with_hint(RESERVATIONS, _BY_KEY, "mysql")
        .where(
            RESERVATIONS.c.concert_id == PERFORMANCES.c.concert_id,
            RESERVATIONS.c.performance_id == PERFORMANCES.c.performance_id,
            RESERVATIONS.c.status.in_(UNTOUCHED),
        )
        .correlate(PERFORMANCES)
        .exists()
    )
    return select(*_PERFORMANCE).where(any_of(_PERFORMANCE, ids), PERFORMANCES.c.status == PerformanceStatus.CANCELLED, left)


def untouched(performance_id: PerformanceId, which: ColumnElement[bool], limit: int) -> Query:
    return (
        select(*_RESERVATION)
        .with_hint(RESERVATIONS, _BY_KEY, "mysql")
        .where(_of(performance_id), RESERVATIONS.c.status.in_(UNTOUCHED), which)
        .order_by(RESERVATIONS.c.reservation_id)
        .limit(page_size(limit))
    )


def counted(performance_id: PerformanceId) -> Query:
    """By status, and by the state of the errand that gives a payment back."""
    errand = and_(
        RESERVATIONS.c.status == ReservationStatus.CANCELLING,
        GATEWAY_ERRANDS.c.shard_key == RESERVATIONS.c.concert_id,
        GATEWAY_ERRANDS.c.attempt == RESERVATIONS.c.payment_id,
        GATEWAY_ERRANDS.c.kind == ErrandKind.CANCEL,
    )
    columns = (RESERVATIONS.c.status, GATEWAY_ERRANDS.c.state.label("errand"))
    return (
        select(*columns, func.count().label("number"))
        .with_hint(RESERVATIONS, _BY_KEY, "mysql")
        .join_from(RESERVATIONS, GATEWAY_ERRANDS, errand, isouter=True)
        .where(_of(performance_id))
        .group_by(*columns)
    )


def _key_of(row: Row[Any]) -> PerformanceId:
    return PerformanceId(ConcertId(row.concert_id), row.performance_id)


def _of(performance_id: PerformanceId) -> ColumnElement[bool]:
    return and_(RESERVATIONS.c.concert_id == performance_id.concert_id, RESERVATIONS.c.performance_id == performance_id.performance)


def _behind(last: PerformanceId) -> ColumnElement[bool]:
    concert, performance = _PERFORMANCE
    return or_(concert > last.concert_id, and_(concert == last.concert_id, performance > last.performance))
