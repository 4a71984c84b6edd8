"""What the steps of a card payment have in common: the pinned hold, the errands to the gateway, and the ways back."""

from application.work import Work
from domain.events import PaymentCancelled, RefundBegun
from domain.gateway_errand import ErrandId, ErrandKind, ErrandState, GatewayErrand
from domain.ids import PaymentId
from domain.payment import Payment, PaymentStatus
from domain.payment_order import order_id_of
from domain.reservation import Reservation, ReservationStatus


def begin_refund(payment: Payment, work: Work) -> Payment:
    """The intent to give a standing payment back. What was paid in points alone is back at once."""
    if payment.card_amount == 0:
        cancelled = payment.cancel()
        work.payments.change(cancelled)
        work.raise_event(RefundBegun(at=work.now, payment=cancelled))
        work.raise_event(PaymentCancelled(at=work.now, payment=cancelled))
        return cancelled
    refunding = payment.begin_refund()
    work.payments.change(refunding)
    work.errands.save(cancel_errand(payment, work))  # one that was refused for good is run again, under its old key
    work.raise_event(RefundBegun(at=work.now, payment=refunding))
    return refunding


def give_back(payment: Payment, reservation: Reservation, work: Work) -> PaymentStatus:
    """The intent to return a charge that confirms nothing; the hold, if it still stands, is its owner's to pay anew."""
    refunding = payment.begin_refund()
    work.payments.change(refunding)
    unpin_hold(reservation, payment, work)
    work.errands.save(cancel_errand(payment, work))
    return refunding.status


def unpin_hold(reservation: Reservation, payment: Payment, work: Work) -> None:
    """The hold's own end is back, on the reservation, its seats and its buyer alike, if this attempt had moved it."""
    if reservation.status is not ReservationStatus.PENDING or reservation.open_payment_id != payment.id:
        return
    unpinned = reservation.unpin(payment.id)
    work.reservations.change(unpinned)
    move_hold(unpinned, work)


def move_hold(reservation: Reservation, work: Work) -> None:
    """Seats and buyer follow the end of their reservation's hold."""
    for seat in work.seats_of(reservation):
        work.seats.change(seat.hold_until(reservation.id, reservation.expires_at))
    buyer = work.buyers.of(reservation.buyer_id)
    work.buyers.save(buyer.move_hold(reservation.id, reservation.expires_at))


def restore_taken_points(payment: Payment, work: Work) -> None:
    """Once: an attempt that has failed has its points back already."""
    if payment.points_taken > 0 and payment.decline_code is None:
        account, entry = work.point_accounts.of(payment.user_id).restore(payment.points_taken, payment.id.payment, work.now)
        work.point_accounts.save(account)
        work.ledger.add(entry)


def errand_id(payment_id: PaymentId, kind: ErrandKind) -> ErrandId:
    return ErrandId(payment_id.concert_id, payment_id.payment, kind)


def confirm_errand(payment: Payment, work: Work) -> GatewayErrand:
    return GatewayErrand(
        id=errand_id(payment.id, ErrandKind.CONFIRM),
        order_id=order_id_of(payment.id),
        payment_key=payment.payment_key or "",
        amount=payment.card_amount,
        state=ErrandState.OPEN,
        created_at=work.now,
    )


def cancel_errand(payment: Payment, work: Work) -> GatewayErrand:
    """One full refund of the card's part, keyed by the payment, whoever asks."""
    return GatewayErrand(
        id=errand_id(payment.id, ErrandKind.CANCEL),
        order_id=order_id_of(payment.id),
        payment_key=payment.payment_key or "",
        amount=payment.card_amount,
        state=ErrandState.OPEN,
        created_at=work.now,
    )
