"""The contract of BookingView."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from adapters.sql import core_tables as tables
from adapters.sql.booking_view import SqlBookingView
from adapters.sql.database import Database
from application.ports.catalogue import Page
from domain.ids import PaymentId, PerformanceId, ReservationId, SeatId, TicketId, UserId
from domain.money import Won
from domain.payment import Payment, PaymentMethod, PaymentStatus
from domain.reservation import Reservation, ReservationStatus
from domain.ticket import Ticket
from tests.contracts.rows import MINUTE, NOW, a_concert, insert_reservations, insert_rows, uid

EVENING = PerformanceId(a_concert(1).id, uid(1))
ELSEWHERE = PerformanceId(a_concert(2).id, uid(1))
MINSU = UserId(uid(501))
JIYOUNG = UserId(uid(502))


def a_reservation(number: int, seats: Sequence[int] = (1,), performance: PerformanceId = EVENING, **changes: Any) -> Reservation:
    fields: dict[str, Any] = {
        "id": ReservationId(*performance, uid(number)),
        "user_id": MINSU,
        "seat_ids": tuple(SeatId(*performance, uid(seat)) for seat in seats),
        "total_price": Won(150_000),
        "status": ReservationStatus.PENDING,
        "expires_at": NOW + 5 * MINUTE,
        "pass_place": 8191 * 2**40 + 7,
        "created_at": NOW,
    }
    return Reservation(**(fields | changes))


def a_payment(number: int, reservation: Reservation, **changes: Any) -> Payment:
    fields: dict[str, Any] = {
        "id": PaymentId(*reservation.id.performance_id, uid(number)),
        "reservation_id": reservation.id,
        "user_id": reservation.user_id,
        "method": PaymentMethod.POINTS,
        "status": PaymentStatus.COMPLETED,
        "points_amount": Won(150_000),
        "card_amount": Won(0),
        "requested_at": NOW,
        "paid_at": NOW + MINUTE,
    }
    return Payment(**(fields | changes))


def a_ticket(number: int, payment: Payment, seat: int, **changes: Any) -> Ticket:
    performance = payment.id.performance_id
    fields: dict[str, Any] = {
        "id": TicketId(*performance, uid(number)),
        "seat_id": SeatId(*performance, uid(seat)),
        "reservation_id": payment.reservation_id,
        "payment_id": payment.id,
        "user_id": payment.user_id,
        "issued_at": NOW,
    }
    return Ticket(**(fields | changes))


async def put_payments(database: Database, *payments: Payment) -> None:
    rows = [
        {
            "concert_id": payment.id.concert_id,
            "performance_id": payment.id.performance,
            "payment_id": payment.id.payment,
            "reservation_id": payment.reservation_id.reservation,
            "user_id": payment.user_id,
            "method": payment.method,
            "status": payment.status,
            "points_amount": payment.points_amount,
            "card_amount": payment.card_amount,
            "requested_at": payment.requested_at,
            "paid_at": payment.paid_at,
            "points_taken": payment.points_taken,
            "order_id": payment.order_id,
            "payment_key": payment.payment_key,
            "decline_code": payment.decline_code,
        }
        for payment in payments
    ]
    await insert_rows(database, tables.PAYMENTS, rows)


async def put_tickets(database: Database, *tickets: Ticket) -> None:
    rows = [
        {
            "concert_id": ticket.id.concert_id,
            "performance_id": ticket.id.performance,
            "ticket_id": ticket.id.ticket,
            "seat_id": ticket.seat_id.seat,
            "reservation_id": ticket.reservation_id.reservation,
            "payment_id": ticket.payment_id.payment,
            "user_id": ticket.user_id,
            "issued_at": ticket.issued_at,
            "live": 1 if ticket.live else None,
        }
        for ticket in tickets
    ]
    await insert_rows(database, tables.TICKETS, rows)


@pytest.fixture
def view(database: Database) -> SqlBookingView:
    return SqlBookingView(database)


async def test_reservations_come_in_the_order_of_their_keys_and_their_seats_as_they_were_asked_for(
    database: Database, view: SqlBookingView
) -> None:
    paid = a_reservation(
        2, seats=(9, 3, 5), status=ReservationStatus.CONFIRMED, payment_id=PaymentId(*EVENING, uid(40)), sequence=1, user_id=JIYOUNG
    )
    pinned: dict[str, Any] = {"open_payment_id": PaymentId(*EVENING, uid(41)), "unpinned_expires_at": NOW}
    pending, elsewhere = a_reservation(1, seats=(4,), **pinned), a_reservation(1, seats=(9, 3), performance=ELSEWHERE, user_id=JIYOUNG)
    await insert_reservations(database, [paid, pending, elsewhere])
    nowhere = ReservationId(*EVENING, uid(3))
    assert await view.reservations_by_id([elsewhere.id, nowhere, paid.id, pending.id, paid.id]) == [elsewhere, None, paid, pending, paid]
    assert await view.reservations_by_id([]) == []


async def test_payments_come_in_the_order_of_their_keys(database: Database, view: SqlBookingView) -> None:
    reservation = a_reservation(1)
    paid = a_payment(10, reservation)
    by_card: dict[str, Any] = {"method": PaymentMethod.CARD, "points_amount": 100, "card_amount": 900, "paid_at": None}
    taken: dict[str, Any] = {"points_taken": 100, "order_id": "o" * 64, "payment_key": "k" * 200}
    asked = a_payment(11, reservation, **by_card, **taken, status=PaymentStatus.IN_DOUBT)
    declined = a_payment(12, reservation, **by_card, **taken, status=PaymentStatus.FAILED, decline_code="REJECT_CARD_COMPANY")
    await put_payments(database, paid, asked, declined)
    nowhere = PaymentId(*ELSEWHERE, uid(10))
    assert await view.payments_by_id([asked.id, nowhere, declined.id, paid.id]) == [asked, None, declined, paid]
    assert await view.payments_by_id([]) == []


async def test_a_reservation_s_live_tickets_stand_in_the_order_of_its_seats(database: Database, view: SqlBookingView) -> None:
    first, second = a_reservation(1, seats=(9, 3)), a_reservation(2, seats=(5,))
    voided, without = a_reservation(3, seats=(3,)), a_reservation(4, seats=(9,))
    await insert_reservations(database, [first, second, voided, without])
    of_nine, of_three = a_ticket(20, a_payment(10, first), 9), a_ticket(21, a_payment(10, first), 3)
    of_five = a_ticket(22, a_payment(11, second), 5)
    old = a_ticket(19, a_payment(12, voided), 3, live=False)
    await put_tickets(database, of_three, of_nine, of_five, old)
    nowhere = ReservationId(*ELSEWHERE, uid(1))
    ids = [second.id, first.id, voided.id, nowhere, without.id]
    assert await view.tickets_of(ids) == [[of_five], [of_nine, of_three], [], [], []]
    assert await view.tickets_of([]) == []


async def test_tickets_come_in_the_order_of_their_keys_voided_ones_too(database: Database, view: SqlBookingView) -> None:
    reservation = a_reservation(1, seats=(9,))
    live, voided = a_ticket(20, a_payment(10, reservation), 9), a_ticket(21, a_payment(11, reservation), 9, live=False)
    await put_tickets(database, live, voided)
    assert await view.tickets_by_id([voided.id, TicketId(*EVENING, uid(99)), live.id]) == [voided, None, live]
    assert await view.tickets_by_id([]) == []


async def test_a_person_s_reservations_are_walked_newest_first_over_all_concerts(database: Database, view: SqlBookingView) -> None:
    own = [a_reservation(number, seats=(number,), performance=ELSEWHERE if number % 2 else EVENING) for number in range(1, 6)]
    await insert_reservations(database, [*own, a_reservation(7, seats=(7,), user_id=JIYOUNG)])
    assert await view.reservations_of(MINSU, 2, None) == Page(items=(own[4], own[3]), has_next=True)
    assert await view.reservations_of(MINSU, 2, own[3].id.reservation) == Page(items=(own[2], own[1]), has_next=True)
    assert await view.reservations_of(MINSU, 2, own[1].id.reservation) == Page(items=(own[0],), has_next=False)
    assert await view.reservations_of(MINSU, 2, own[0].id.reservation) == Page(items=(), has_next=False)
    assert await view.reservations_of(UserId(UUID(int=0)), 2, None) == Page(items=(), has_next=False)
