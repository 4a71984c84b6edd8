"""What a completed payment does, inside its own transaction, in the order of the table."""

from application.booking.messages import booking_message
from application.work import Work
from domain.events import PaymentCompleted
from domain.reservation import Reservation
from domain.ticket import Ticket


def confirm_reservation(event: PaymentCompleted, work: Work) -> None:
    reservation = _reservation(event, work)
    for seat in work.seats_of(reservation):
        work.seats.change(seat.confirm(reservation.id))
    work.reservations.change(reservation.confirm(event.payment.id))


def deduct_points(event: PaymentCompleted, work: Work) -> None:
    """What has not left the account yet leaves it, with a ledger entry beside it, or InsufficientPoints."""
    payment = event.payment
    if payment.points_taken == payment.points_amount:
        return
    account, entry = work.point_accounts.of(payment.user_id).deduct(payment.points_amount, payment.id.payment, event.at)
    work.point_accounts.save(account)
    work.ledger.add(entry)


def issue_tickets(event: PaymentCompleted, work: Work) -> None:
    """One live ticket a paid seat."""
    payment = event.payment
    for seat_id in _reservation(event, work).seat_ids:
        work.tickets.add(Ticket.issue(payment.id, payment.reservation_id, payment.user_id, seat_id, event.at))


def update_buyer(event: PaymentCompleted, work: Work) -> None:
    """Held seats become bought ones, and the pass under which they were held is used up."""
    reservation = _reservation(event, work)
    buyer = work.buyers.of(reservation.buyer_id)
    work.buyers.change(buyer.buy(reservation.id, len(reservation.seat_ids), reservation.pass_place))


def append_outbox_message(event: PaymentCompleted, work: Work) -> None:
    reservation = _reservation(event, work).tell()
    work.reservations.change(reservation)
    work.outbox.add(booking_message("PaymentCompleted", event, reservation, work))


def _reservation(event: PaymentCompleted, work: Work) -> Reservation:
    return work.reservations.get(event.reservation_id)
