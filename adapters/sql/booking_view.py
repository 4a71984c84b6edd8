"""Reservations, payments and tickets, as they are read."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, select

from adapters.sql.core_tables import PAYMENTS, PERSON_RESERVATIONS, RESERVATION_SEATS, RESERVATIONS, TICKETS
from adapters.sql.database import Reader
from adapters.sql.domain_rows import payment_of, reservation_of, ticket_of
from adapters.sql.lookups import CEILING, Query, any_of, by_key, page_size
from application.ports.catalogue import Page
from domain.ids import PaymentId, ReservationId, SeatId, TicketId, UserId
from domain.payment import Payment
from domain.reservation import Reservation
from domain.ticket import Ticket

_RESERVATION = (RESERVATION_SEATS.c.concert_id, RESERVATION_SEATS.c.performance_id, RESERVATION_SEATS.c.reservation_id)


class SqlBookingView:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def reservations_by_id(self, ids: Sequence[ReservationId]) -> Sequence[Reservation | None]:
        found = await by_key(self._reader, RESERVATIONS, ids, select(RESERVATIONS))
        seats: dict[ReservationId, list[SeatId]] = {key: [] for key in found}
        for row in await self._in_chunks(list(found), seats_of):
            key = ReservationId(row.concert_id, row.performance_id, row.reservation_id)
            seats[key].append(SeatId(row.concert_id, row.performance_id, row.seat_id))
        return [reservation_of(found[key], seats[key]) if key in found else None for key in ids]

    async def payments_by_id(self, ids: Sequence[PaymentId]) -> Sequence[Payment | None]:
        found = await by_key(self._reader, PAYMENTS, ids, select(PAYMENTS))
        return [payment_of(found[key]) if key in found else None for key in ids]

    async def tickets_of(self, ids: Sequence[ReservationId]) -> Sequence[Sequence[Ticket]]:
        tickets: dict[ReservationId, list[Ticket]] = {key: [] for key in ids}
        for row in await self._in_chunks(list(tickets), live_tickets_of):
            ticket = ticket_of(row)
            tickets[ticket.reservation_id].append(ticket)
        return [tickets[key] for key in ids]

    async def tickets_by_id(self, ids: Sequence[TicketId]) -> Sequence[Ticket | None]:
        found = await by_key(self._reader, TICKETS, ids, select(TICKETS))
        return [ticket_of(found[key]) if key in found else None for key in ids]

    async def reservations_of(self, user_id: UserId, first: int, after: UUID | None) -> Page[Reservation]:
        rows = await self._reader.rows(reservation_ids_of(user_id, first, after))
        size = page_size(first)
        ids = [ReservationId(row.concert_id, row.performance_id, row.reservation_id) for row in rows[:size]]
        found = await self.reservations_by_id(ids)
        return Page(items=tuple(reservation for reservation in found if reservation is not None), has_next=len(rows) > size)

    async def _in_chunks(self, ids: Sequence[ReservationId], statement: Callable[[Sequence[ReservationId]], Query]) -> list[Row[Any]]:
        rows: list[Row[Any]] = []
        for start in range(0, len(ids), CEILING):
            rows.extend(await self._reader.rows(statement(ids[start : start + CEILING])))
        return rows


def seats_of(ids: Sequence[ReservationId]) -> Query:
    """In the order in which they were asked for."""
    return select(RESERVATION_SEATS).where(any_of(_RESERVATION, ids)).order_by(RESERVATION_SEATS.c.position)


def live_tickets_of(ids: Sequence[ReservationId]) -> Query:
    """By way of the reservation's seats, since a seat has at most one live ticket; in the order of the seats."""
    of_seat = and_(
        TICKETS.c.concert_id == RESERVATION_SEATS.c.concert_id,
        TICKETS.c.performance_id == RESERVATION_SEATS.c.performance_id,
        TICKETS.c.seat_id == RESERVATION_SEATS.c.seat_id,
        TICKETS.c.live == 1,
    )
    return (
        select(TICKETS)
        .join_from(RESERVATION_SEATS, TICKETS, of_seat)
        .where(any_of(_RESERVATION, ids), TICKETS.c.reservation_id == RESERVATION_SEATS.c.reservation_id)
        .order_by(RESERVATION_SEATS.c.position)
    )


def reservation_ids_of(user_id: UserId, first: int, after: UUID | None) -> Query:
    newest = PERSON_RESERVATIONS.c.reservation_id.desc()
    page = select(PERSON_RESERVATIONS).where(PERSON_RESERVATIONS.c.user_id == user_id).order_by(newest).limit(page_size(first) + 1)
    return page if after is None else page.where(PERSON_RESERVATIONS.c.reservation_id < after)
