"""What the views read, as the domain has it: rows come with the names of their columns."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from domain.buyer import Buyer, PassEnd
from domain.concert import Concert, Performance, PerformanceStatus
from domain.concert_queue import ConcertQueue, QueueStatus
from domain.ids import BuyerId, ConcertId, LedgerEntryId, PaymentId, PerformanceId, ReservationId, SeatId, TicketId, UserId
from domain.money import Won
from domain.payment import Payment, PaymentMethod, PaymentStatus
from domain.point_account import LedgerKind, PointLedgerEntry
from domain.reservation import Reservation, ReservationStatus
from domain.seat import Seat, SeatStatus
from domain.ticket import Ticket


def concert_of(row: Row[Any]) -> Concert:
    return Concert(
        id=ConcertId(row.concert_id),
        title=row.title,
        artist=row.artist,
        queue_opens_at=row.queue_opens_at,
        sales_open_at=row.sales_open_at,
        sales_close_at=row.sales_close_at,
        purchase_limit=row.purchase_limit,
    )


def performance_of(row: Row[Any]) -> Performance:
    """Of a performance's row joined with its concert's."""
    return Performance(
        id=PerformanceId(row.concert_id, row.performance_id),
        venue=row.venue,
        starts_at=row.starts_at,
        status=PerformanceStatus(row.status),
        title=row.title,
        sales_open_at=row.sales_open_at,
        sales_close_at=row.sales_close_at,
        purchase_limit=row.purchase_limit,
    )


def seat_of(row: Row[Any]) -> Seat:
    performance = PerformanceId(row.concert_id, row.performance_id)
    return Seat(
        id=SeatId(*performance, row.seat_id),
        section=row.section,
        row=row.row,
        number=row.number,
        grade=row.grade,
        price=Won(row.price),
        status=SeatStatus(row.status),
        reservation_id=row.reservation_id and ReservationId(*performance, row.reservation_id),
        held_until=row.held_until,
    )


def queue_of(row: Row[Any]) -> ConcertQueue:
    return ConcertQueue(
        concert_id=ConcertId(row.concert_id),
        epoch=row.epoch,
        status=QueueStatus(row.status),
        capacity=row.capacity,
        rate=row.rate,
    )


def buyer_of(row: Row[Any]) -> Buyer:
    open_hold = row.open_reservation_id and ReservationId(row.concert_id, row.open_performance_id, row.open_reservation_id)
    return Buyer(
        id=BuyerId(row.concert_id, row.user_id),
        pass_place=row.pass_place,
        first_deadline=row.first_deadline,
        deadline=row.deadline,
        shown_at=row.shown_at,
        ended=row.ended and PassEnd(row.ended),
        highest_spent_place=row.highest_spent_place,
        held=row.held,
        bought=row.bought,
        open_reservation_id=open_hold,
        open_hold_until=row.open_hold_until,
    )


def reservation_of(row: Row[Any], seat_ids: Sequence[SeatId]) -> Reservation:
    return Reservation(
        id=ReservationId(row.concert_id, row.performance_id, row.reservation_id),
        user_id=UserId(row.user_id),
        seat_ids=tuple(seat_ids),
        total_price=Won(row.total_price),
        status=ReservationStatus(row.status),
        expires_at=row.expires_at,
        pass_place=row.pass_place,
        created_at=row.created_at,
        payment_id=row.payment_id and PaymentId(row.concert_id, row.performance_id, row.payment_id),
        sequence=row.sequence,
        open_payment_id=row.open_payment_id and PaymentId(row.concert_id, row.performance_id, row.open_payment_id),
        unpinned_expires_at=row.unpinned_expires_at,
    )


def payment_of(row: Row[Any]) -> Payment:
    performance = PerformanceId(row.concert_id, row.performance_id)
    return Payment(
        id=PaymentId(*performance, row.payment_id),
        reservation_id=ReservationId(*performance, row.reservation_id),
        user_id=UserId(row.user_id),
        method=PaymentMethod(row.method),
        status=PaymentStatus(row.status),
        points_amount=Won(row.points_amount),
        card_amount=Won(row.card_amount),
        requested_at=row.requested_at,
        paid_at=row.paid_at,
        points_taken=Won(row.points_taken),
        order_id=row.order_id,
        payment_key=row.payment_key,
        decline_code=row.decline_code,
    )


def ticket_of(row: Row[Any]) -> Ticket:
    performance = PerformanceId(row.concert_id, row.performance_id)
    return Ticket(
        id=TicketId(*performance, row.ticket_id),
        seat_id=SeatId(*performance, row.seat_id),
        reservation_id=ReservationId(*performance, row.reservation_id),
        payment_id=PaymentId(*performance, row.payment_id),
        user_id=UserId(row.user_id),
        issued_at=row.issued_at,
        live=row.live == 1,
    )


def ledger_entry_of(row: Row[Any]) -> PointLedgerEntry:
    return PointLedgerEntry(
        id=LedgerEntryId(row.entry_id),
        user_id=UserId(row.user_id),
        sequence=row.sequence,
        kind=LedgerKind(row.kind),
        amount=row.amount,
        balance_after=Won(row.balance_after),
        source=row.source,
        created_at=row.created_at,
    )
