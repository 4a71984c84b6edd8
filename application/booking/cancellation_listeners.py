"""What a refund does, inside its transactions, in the order of the table: begun, finished, refused, or for nothing sold."""

from application.booking.card_payments import restore_taken_points
from application.booking.messages import booking_message
from application.work import Work
from domain.events import ChargeReturned, PaymentCancelled, RefundBegun, RefundRefused
from domain.reservation import Reservation
from domain.ticket import ticket_id


def mark_cancelling(event: RefundBegun, work: Work) -> None:
    work.reservations.change(_reservation(event, work).begin_refund())


def void_tickets(event: RefundBegun, work: Work) -> None:
    """From the intent on, they open no door."""
    for seat_id in _reservation(event, work).seat_ids:
        work.tickets.change(work.tickets.get(ticket_id(event.payment.id, seat_id)).void())


def cancel_reservation(event: PaymentCancelled, work: Work) -> None:
    work.reservations.change(_reservation(event, work).cancel())


def release_sold_seats(event: PaymentCancelled, work: Work) -> None:
    reservation = _reservation(event, work)
    for seat in work.seats_of(reservation):
        work.seats.change(seat.release(reservation.id))


def restore_points(event: PaymentCancelled, work: Work) -> None:
    payment = event.payment
    if payment.points_amount == 0:
        return
    account, entry = work.point_accounts.of(payment.user_id).restore(payment.points_amount, payment.id.payment, event.at)
    work.point_accounts.save(account)
    work.ledger.add(entry)


def refund_buyer(event: PaymentCancelled, work: Work) -> None:
    reservation = _reservation(event, work)
    work.buyers.change(work.buyers.of(reservation.buyer_id).refund(len(reservation.seat_ids)))


def append_cancellation_message(event: PaymentCancelled, work: Work) -> None:
    reservation = _reservation(event, work).tell()
    work.reservations.change(reservation)
    work.outbox.add(booking_message("PaymentCancelled", event, reservation, work))


def stand_again(event: RefundRefused, work: Work) -> None:
    work.reservations.change(_reservation(event, work).stand_again())


def revive_tickets(event: RefundRefused, work: Work) -> None:
    for seat_id in _reservation(event, work).seat_ids:
        work.tickets.change(work.tickets.get(ticket_id(event.payment.id, seat_id)).revive())


def restore_points_of_charge(event: ChargeReturned, work: Work) -> None:
    restore_taken_points(event.payment, work)


def append_charge_returned_message(event: ChargeReturned, work: Work) -> None:
    reservation = _reservation(event, work).tell()
    work.reservations.change(reservation)
    work.outbox.add(booking_message("ChargeReturned", event, reservation, work))


def _reservation(event: RefundBegun | RefundRefused | ChargeReturned | PaymentCancelled, work: Work) -> Reservation:
    return work.reservations.get(event.reservation_id)
