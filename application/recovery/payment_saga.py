"""The saga of a card payment: what is written when the gateway's answer is known. Each step does nothing if it was done."""

from dataclasses import dataclass

from application.booking.card_payments import errand_id, give_back, restore_taken_points, unpin_hold
from application.ports.unit_of_work import Needs
from application.work import Work
from domain.concert import PerformanceStatus
from domain.errors import PurchaseLimitExceeded, SeatsUnavailable
from domain.events import ChargeReturned, PaymentCancelled, PaymentCompleted, RefundRefused
from domain.gateway_errand import ErrandKind, ErrandState
from domain.ids import BuyerId
from domain.payment import Payment, PaymentStatus
from domain.reservation import Reservation, ReservationStatus
from domain.ticket import ticket_id


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settlement:
    """What every end of an attempt locks: the booking around the payment, and its errands."""

    payment: Payment
    reservation: Reservation

    def needs(self) -> Needs:
        payment, reservation = self.payment, self.reservation
        return Needs(
            shard=payment.id.concert_id,
            shared_performances=(payment.id.performance_id,),
            buyers=(BuyerId(payment.id.concert_id, payment.user_id),),
            reservations=(reservation.id,),
            point_accounts=(payment.user_id,),
            payments=(payment.id,),
            tickets=tuple(ticket_id(payment.id, seat_id) for seat_id in reservation.seat_ids),
            errands=(errand_id(payment.id, ErrandKind.CONFIRM), errand_id(payment.id, ErrandKind.CANCEL)),
        )

    def _close(self, kind: ErrandKind, work: Work) -> None:
        errand = work.errands.find(errand_id(self.payment.id, kind))
        if errand is not None and errand.state is not ErrandState.CLOSED:
            work.errands.change(errand.close())


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteCardPayment(_Settlement):
    """The gateway has the money: the seats are its payer's, again if need be, or the money goes back."""

    def decide(self, work: Work) -> PaymentStatus:
        payment = work.payments.get(self.payment.id)
        self._close(ErrandKind.CONFIRM, work)
        reservation = work.reservations.get(payment.reservation_id)
        if payment.status is PaymentStatus.FAILED:  # given up too soon: whatever was charged after that goes back
            return give_back(payment, reservation, work)
        if not payment.status.is_open:
            return payment.status
        if not self._can_be_confirmed(payment, reservation, work):
            return give_back(payment, reservation, work)
        completed = payment.complete(work.now)
        work.payments.change(completed)
        work.raise_event(PaymentCompleted(at=work.now, payment=completed))
        return completed.status

    def _can_be_confirmed(self, payment: Payment, reservation: Reservation, work: Work) -> bool:
        """Held for this attempt still; or run out, and the same seats are free and the limit allows them."""
        performance = work.performances.on_offer(payment.id.performance_id)
        if performance.status is PerformanceStatus.CANCELLED:
            return False
        if reservation.status is ReservationStatus.PENDING:
            return reservation.open_payment_id == payment.id
        if reservation.status is not ReservationStatus.EXPIRED:
            return False
        try:
            self._take_again(reservation, performance.purchase_limit, work)
        except (SeatsUnavailable, PurchaseLimitExceeded):
            return False
        return True

    def _take_again(self, reservation: Reservation, limit: int, work: Work) -> None:
        """All of the seats are looked at before the first is taken."""
        buyer = work.buyers.of(reservation.buyer_id).hold_again(len(reservation.seat_ids), limit)
        seats = [seat.hold(reservation.id, work.now) for seat in work.seats_of(reservation)]
        for seat in seats:
            work.seats.change(seat)
        work.buyers.change(buyer)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnCharge(_Settlement):
    """Completing a proved charge kept failing until its hold was over: the money goes back."""

    def decide(self, work: Work) -> PaymentStatus:
        payment = work.payments.get(self.payment.id)
        self._close(ErrandKind.CONFIRM, work)
        if not payment.status.is_open and payment.status is not PaymentStatus.FAILED:
            return payment.status
        return give_back(payment, work.reservations.get(payment.reservation_id), work)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailCardPayment(_Settlement):
    """No money was taken: the points are back, and so is the hold's own end, until which another card may be tried."""

    decline_code: str

    def decide(self, work: Work) -> PaymentStatus:
        payment = work.payments.get(self.payment.id)
        self._close(ErrandKind.CONFIRM, work)
        if not payment.status.is_open:
            return payment.status
        failed = payment.fail(self.decline_code)
        work.payments.change(failed)
        restore_taken_points(payment, work)
        unpin_hold(work.reservations.get(failed.reservation_id), failed, work)
        return failed.status


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtCardPayment(_Settlement):
    """The answer is not known: whoever asks is told so."""

    def decide(self, work: Work) -> PaymentStatus:
        payment = work.payments.get(self.payment.id)
        if payment.status is PaymentStatus.REQUESTED:
            payment = payment.doubt()
            work.payments.change(payment)
        return payment.status


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishRefund(_Settlement):
    """The gateway has given the money back: seats and points follow, if they were the reservation's."""

    def decide(self, work: Work) -> PaymentStatus:
        payment = work.payments.get(self.payment.id)
        self._close(ErrandKind.CANCEL, work)
        if payment.status is not PaymentStatus.CANCELLING:
            return payment.status
        refunded = payment.refunded()
        work.payments.change(refunded)
        reservation = work.reservations.get(payment.reservation_id)
        if reservation.payment_id == payment.id:
            work.raise_event(PaymentCancelled(at=work.now, payment=refunded))
        else:
            work.raise_event(ChargeReturned(at=work.now, payment=refunded))
        return refunded.status


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseRefund(_Settlement):
    """The gateway will not give the money back: the tickets live again, unless the show is off. A person is needed then."""

    def decide(self, work: Work) -> PaymentStatus:
        payment = work.payments.get(self.payment.id)
        errand = work.errands.get(errand_id(payment.id, ErrandKind.CANCEL))
        if payment.status is not PaymentStatus.CANCELLING:
            return payment.status
        reservation = work.reservations.get(payment.reservation_id)
        is_off = work.performances.on_offer(payment.id.performance_id).status is PerformanceStatus.CANCELLED
        if is_off or reservation.payment_id != payment.id:
            work.errands.change(errand.hand_over())
            return payment.status
        standing = payment.stand_again()
        work.payments.change(standing)
        work.errands.change(errand.close())
        work.raise_event(RefundRefused(at=work.now, payment=standing))
        return standing.status


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver(_Settlement):
    """Nothing happens by itself any more."""

    kind: ErrandKind

    def decide(self, work: Work) -> PaymentStatus:
        errand = work.errands.get(errand_id(self.payment.id, self.kind))
        if errand.state is ErrandState.OPEN:
            work.errands.change(errand.hand_over())
        return work.payments.get(self.payment.id).status
