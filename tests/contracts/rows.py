"""Rows as bookings leave them, for contracts of what reads them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Table, insert

from adapters.sql import core_tables as tables
from adapters.sql.database import Database
from domain.concert import Concert, Performance, PerformanceStatus
from domain.concert_queue import ConcertQueue
from domain.ids import ConcertId, PerformanceId, ReservationId, SeatId
from domain.money import Won
from domain.reservation import Reservation
from domain.seat import Seat

NOW = datetime(2030, 5, 1, 20, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def uid(number: int) -> UUID:
    """Ids that rise with their numbers."""
    return UUID(int=number)


def a_concert(number: int = 1, **changes: Any) -> Concert:
    fields: dict[str, Any] = {
        "id": ConcertId(uid(number)),
        "title": f"봄 콘서트 {number}",
        "artist": "가수",
        "queue_opens_at": NOW - 20 * MINUTE,
        "sales_open_at": NOW - 10 * MINUTE,
        "sales_close_at": NOW + 600 * MINUTE,
        "purchase_limit": 4,
    }
    return Concert(**(fields | changes))


def a_performance(concert: Concert, number: int = 1, **changes: Any) -> Performance:
    fields: dict[str, Any] = {
        "id": PerformanceId(concert.id, uid(number)),
        "venue": "올림픽홀",
        "starts_at": NOW + 1000 * MINUTE,
        "status": PerformanceStatus.ON_SALE,
        "title": concert.title,
        "sales_open_at": concert.sales_open_at,
        "sales_close_at": concert.sales_close_at,
        "purchase_limit": concert.purchase_limit,
    }
    return Performance(**(fields | changes))


def a_seat(performance: Performance, number: int, **changes: Any) -> Seat:
    fields: dict[str, Any] = {
        "id": SeatId(*performance.id, uid(number)),
        "section": "A",
        "row": "가",
        "number": number,
        "grade": "VIP",
        "price": Won(150_000),
    }
    return Seat(**(fields | changes))


def a_queue(concert: Concert, **changes: Any) -> ConcertQueue:
    fields: dict[str, Any] = {"concert_id": concert.id, "capacity": 500, "rate": 50}
    return ConcertQueue(**(fields | changes))


async def insert_rows(database: Database, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    listed = list(rows)
    await database.write(lambda connection: connection.execute(insert(table), listed))


async def insert_reservations(database: Database, reservations: Iterable[Reservation]) -> None:
    """With their seats, and in their owner's list."""
    listed = list(reservations)
    await insert_rows(database, tables.RESERVATIONS, (_reservation_row(reservation) for reservation in listed))
    await insert_rows(
        database,
        tables.RESERVATION_SEATS,
        (
            {**_key(reservation.id), "seat_id": seat_id.seat, "position": position}
            for reservation in listed
            for position, seat_id in enumerate(reservation.seat_ids)
        ),
    )
    await insert_rows(
        database, tables.PERSON_RESERVATIONS, ({**_key(reservation.id), "user_id": reservation.user_id} for reservation in listed)
    )


def _key(reservation_id: ReservationId) -> dict[str, Any]:
    return dict(zip(("concert_id", "performance_id", "reservation_id"), reservation_id, strict=True))


def _reservation_row(reservation: Reservation) -> dict[str, Any]:
    return {
        **_key(reservation.id),
        "user_id": reservation.user_id,
        "total_price": reservation.total_price,
        "status": reservation.status,
        "expires_at": reservation.expires_at,
        "pass_place": reservation.pass_place,
        "created_at": reservation.created_at,
        "payment_id": reservation.payment_id and reservation.payment_id.payment,
        "sequence": reservation.sequence,
        "open_payment_id": reservation.open_payment_id and reservation.open_payment_id.payment,
        "unpinned_expires_at": reservation.unpinned_expires_at,
    }
