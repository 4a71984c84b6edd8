"""Cancelling: a hold is let go, a paid reservation is refunded."""

from dataclasses import dataclass, replace

from application.booking.card_payments import begin_refund, errand_id
from application.booking.payment_end import RETRY_AFTER_SECONDS, PaymentEnd
from application.ports.seat_holders import SeatHolders
from application.ports.unit_of_work import Needs
from application.release_hold import release_hold
from application.retrying import Retrying
from application.transactor import Transactor
from application.work import Work
from domain.errors import NotCancellable, RefundPending, ReservationNotFound, ServiceUnavailable, Stale, Step
from domain.gateway_errand import ErrandKind
from domain.idempotency import IdempotencyKey, fingerprint_of
from domain.ids import BuyerId, PaymentId, ReservationId, UserId
from domain.money import ZERO, Won
from domain.payment import PaymentStatus
from domain.reservation import Reservation, ReservationStatus
from domain.ticket import ticket_id


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelReservationCommand:
    user_id: UserId
    reservation_id: ReservationId
    idempotency_key: str

    @property
    def idempotency(self) -> IdempotencyKey:
        return IdempotencyKey(self.reservation_id.concert_id, self.user_id, "cancel", self.idempotency_key)

    @property
    def fingerprint(self) -> bytes:
        return fingerprint_of(*self.reservation_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """What a cancellation gave back, in won. ``pending``: the card's part is on its way, by that payment."""

    reservation_id: ReservationId
    refunded_points: Won = ZERO
    refunded_card: Won = ZERO
    pending: PaymentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelFoundReservation:
    """Lets go of the hold, or takes back the payment: whichever it was found to be, if it still is."""

    command: CancelReservationCommand
    found: Reservation

    def needs(self) -> Needs:
        command, payment_id = self.command, self.found.payment_id
        return Needs(
            shard=command.reservation_id.concert_id,
            shared_performances=(command.reservation_id.performance_id,),
            buyers=(BuyerId(command.reservation_id.concert_id, command.user_id),),
            reservations=(command.reservation_id,),
            point_accounts=(command.user_id,) if payment_id else (),
            payments=(payment_id,) if payment_id else (),
            tickets=tuple(ticket_id(payment_id, seat_id) for seat_id in self.found.seat_ids) if payment_id else (),
            idempotency=(command.idempotency,),
            errands=(errand_id(payment_id, ErrandKind.CANCEL),) if payment_id else (),
        )

    def decide(self, work: Work) -> Cancellation:
        command = self.command
        earlier = work.idempotency.earlier_result(command.idempotency, command.fingerprint)
        reservation = work.reservations.of(command.user_id, command.reservation_id)
        if reservation.payment_id != self.found.payment_id:
            raise Stale("the reservation was paid since it was looked at")
        if earlier is not None:
            return self._given_back(reservation, work)
        if reservation.status is ReservationStatus.PENDING:
            if reservation.is_overdue(work.now):
                raise NotCancellable
            release_hold(reservation.cancel(), work)
        elif reservation.status is ReservationStatus.CONFIRMED and reservation.payment_id is not None:
            work.performances.on_offer(reservation.id.performance_id).ensure_refundable(work.now)
            begin_refund(work.payments.get(reservation.payment_id), work)
        elif reservation.status is ReservationStatus.CANCELLING:
            return self._given_back(reservation, work)  # another request's refund is under way
        else:
            raise NotCancellable
        work.remember(command.idempotency, command.fingerprint, reservation.id[1:])
        return self._given_back(reservation, work)

    def _given_back(self, reservation: Reservation, work: Work) -> Cancellation:
        if reservation.payment_id is None:
            return Cancellation(reservation_id=reservation.id)
        payment = work.payments.get(reservation.payment_id)
        if payment.status is PaymentStatus.COMPLETED:  # the refund that this key began was refused for good
            raise NotCancellable
        return Cancellation(
            reservation_id=reservation.id,
            refunded_points=payment.points_amount,
            refunded_card=payment.card_amount,
            pending=payment.id if payment.status is PaymentStatus.CANCELLING else None,
        )


class CancelReservation:
    def __init__(self, transactor: Transactor, retrying: Retrying, holders: SeatHolders, end: PaymentEnd) -> None:
        self._transactor = transactor
        self._retrying = retrying
        self._holders = holders
        self._end = end

    async def __call__(self, command: CancelReservationCommand) -> Cancellation:
        """Lets go of a hold, or refunds a paid reservation before the show. The same key, the same answer.

        What was paid by card goes back by the gateway: RefundPending while its answer is not known, NotCancellable
        where it has refused for good.
        """
        try:
            cancelled = await self._retrying(Step.PAYMENT, lambda: self._attempt(command))
        except Stale as stale:
            raise ServiceUnavailable(retry_after_seconds=1) from stale
        if cancelled.pending is None:
            return cancelled
        refund = await self._end.of_refund(cancelled.pending)
        if refund is None:
            raise RefundPending(cancelled.pending, RETRY_AFTER_SECONDS)
        if refund.status is not PaymentStatus.CANCELLED:
            raise NotCancellable
        return replace(cancelled, pending=None)

    async def _attempt(self, command: CancelReservationCommand) -> Cancellation:
        found = await self._holders.reservation(command.reservation_id)
        if found is None or found.user_id != command.user_id:
            raise ReservationNotFound
        return await self._transactor.run(CancelFoundReservation(command=command, found=found))
