"""Who holds what, looked up without locks."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from adapters.sql.booking_view import SqlBookingView
from adapters.sql.core_tables import BUYERS, RESERVATIONS, SEATS
from adapters.sql.database import Reader
from adapters.sql.domain_rows import buyer_of
from adapters.sql.lookups import Query, any_of, page_size
from domain.ids import BuyerId, ReservationId, SeatId
from domain.reservation import Reservation, ReservationStatus
from domain.seat import SeatStatus


class SqlSeatHolders:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._bookings = SqlBookingView(reader)

    async def overdue_on(self, seat_ids: Sequence[SeatId], now: datetime) -> Sequence[Reservation]:
        rows = await self._reader.rows(overdue_seats(seat_ids, now))
        held = {ReservationId(row.concert_id, row.performance_id, row.reservation_id) for row in rows}
        return [found for found in await self._found(sorted(held)) if found.is_overdue(now)]

    async def overdue(self, now: datetime, limit: int) -> Sequence[Reservation]:
        rows = await self._reader.rows(overdue_reservations(now, limit))
        return await self._found([ReservationId(row.concert_id, row.performance_id, row.reservation_id) for row in rows])

    async def open_hold(self, buyer_id: BuyerId) -> Reservation | None:
        rows = await self._reader.rows(select(BUYERS).where(any_of([BUYERS.c.concert_id, BUYERS.c.user_id], [buyer_id])))
        for buyer in map(buyer_of, rows):
            if buyer.open_reservation_id is not None:
                return await self.reservation(buyer.open_reservation_id)
        return None

    async def reservation(self, reservation_id: ReservationId) -> Reservation | None:
        (found,) = await self._bookings.reservations_by_id([reservation_id])
        return found

    async def _found(self, ids: Sequence[ReservationId]) -> list[Reservation]:
        return [found for found in await self._bookings.reservations_by_id(ids) if found is not None]


def overdue_seats(seat_ids: Sequence[SeatId], now: datetime) -> Query:
    key = [SEATS.c.concert_id, SEATS.c.performance_id, SEATS.c.seat_id]
    overdue = (SEATS.c.status == SeatStatus.HELD, SEATS.c.held_until <= now)
    return select(SEATS.c.concert_id, SEATS.c.performance_id, SEATS.c.reservation_id).where(any_of(key, seat_ids), *overdue)


def overdue_reservations(now: datetime, limit: int) -> Query:
    """By the index on status and end."""
    key = (RESERVATIONS.c.concert_id, RESERVATIONS.c.performance_id, RESERVATIONS.c.reservation_id)
    overdue = (RESERVATIONS.c.status == ReservationStatus.PENDING, RESERVATIONS.c.expires_at <= now)
    return select(*key).where(*overdue).order_by(RESERVATIONS.c.expires_at).limit(page_size(limit))
