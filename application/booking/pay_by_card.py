"""Paying by card: the hold is pinned and the gateway's errand written; what the gateway does is learned elsewhere."""

from dataclasses import dataclass
from datetime import timedelta

from application.booking.card_payments import confirm_errand, move_hold
from application.booking.pay import PayCommand
from application.booking.payment_end import PaymentEnd
from application.booking.ticket_issuance import UNGUARDED, TicketIssuance
from application.ports.unit_of_work import Needs
from application.queueing.queue_tokens import QueueTokens
from application.retrying import Retrying
from application.transactor import Transactor
from application.work import Work
from domain.errors import IdempotencyConflict, ReservationNotFound, Step, TicketIssuanceFailed
from domain.events import CardPaymentRequested
from domain.ids import PaymentId
from domain.payment import Payment
from domain.payment_order import OrderKey, PaymentOrder, attempt_of, order_id_of
from domain.queue_token import ShownToken, place_shown
from domain.reservation import Reservation

PINNED_FOR = timedelta(minutes=11)
"""Beyond the ten minutes in which the gateway still confirms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinHold:
    """One attempt by card: the hold outlives the gateway's time, the points of a mixed payment leave, nothing is sold yet.

    The attempt is the record: asked again, it is the same attempt. While tickets cannot be issued (``issuing`` false), no
    other one is begun.
    """

    command: PayCommand
    shown_token: ShownToken
    payment_id: PaymentId
    payment_key: str
    issuing: bool = True

    def needs(self) -> Needs:
        command = self.command
        return Needs(
            shard=command.reservation_id.concert_id,
            shared_performances=(command.reservation_id.performance_id,),
            buyers=(command.buyer_id,),
            reservations=(command.reservation_id,),
            point_accounts=(command.user_id,),
            payments=(self.payment_id,),
            idempotency=(command.idempotency,),
            orders=(self._order_key,),
        )

    def decide(self, work: Work) -> PaymentId:
        command = self.command
        if earlier := work.idempotency.earlier_result(command.idempotency, command.fingerprint):
            return PaymentId(command.reservation_id.concert_id, *earlier)
        reservation = work.reservations.of(command.user_id, command.reservation_id)
        if (attempt := work.payments.find(self.payment_id)) is not None:
            return self._same_attempt(attempt)
        if not self.issuing:
            raise TicketIssuanceFailed(refunded=False)
        work.performances.on_offer(reservation.id.performance_id).ensure_on_sale(work.now)
        reservation.ensure_payable(work.now)
        work.buyers.of(command.buyer_id).ensure_admitted(place_shown(self.shown_token, command.buyer_id), work.now)
        payment = self._request(self._order(work), reservation, work)
        self._pin(reservation, payment, work)
        work.remember(command.idempotency, command.fingerprint, payment.id[1:])
        work.raise_event(CardPaymentRequested(at=work.now, payment=payment))
        return payment.id

    @property
    def _order_key(self) -> OrderKey:
        return OrderKey(self.payment_id.concert_id, self.payment_id.payment)

    def _same_attempt(self, attempt: Payment) -> PaymentId:
        """Another's attempt is as good as none; the same order with another payment key is another input."""
        if attempt.user_id != self.command.user_id or attempt.reservation_id != self.command.reservation_id:
            raise ReservationNotFound
        if attempt.payment_key != self.payment_key:
            raise IdempotencyConflict
        return attempt.id

    def _order(self, work: Work) -> PaymentOrder:
        order = work.orders.find(self._order_key)
        if order is None:
            raise ReservationNotFound
        order.ensure_for(self.command.user_id, self.command.reservation_id, work.now)
        if self.command.points not in (None, order.points):
            raise IdempotencyConflict
        return order

    def _request(self, order: PaymentOrder, reservation: Reservation, work: Work) -> Payment:
        payment = Payment.by_card(
            self.payment_id,
            reservation.id,
            reservation.user_id,
            order_id=order_id_of(self.payment_id),
            payment_key=self.payment_key,
            points=order.points,
            card=order.card_amount,
            now=work.now,
        )
        work.payments.add(payment)
        if payment.points_amount > 0:
            account, entry = work.point_accounts.of(payment.user_id).deduct(payment.points_amount, payment.id.payment, work.now)
            work.point_accounts.save(account)
            work.ledger.add(entry)
        work.errands.add(confirm_errand(payment, work))
        return payment

    def _pin(self, reservation: Reservation, payment: Payment, work: Work) -> None:
        pinned = reservation.pin(payment.id, work.now + PINNED_FOR)
        work.reservations.change(pinned)
        move_hold(pinned, work)


class PayByCard:
    """Waits a few seconds for the gateway's answer; after that the attempt goes on without its caller."""

    def __init__(
        self, transactor: Transactor, retrying: Retrying, tokens: QueueTokens, end: PaymentEnd, issuance: TicketIssuance = UNGUARDED
    ) -> None:
        self._transactor = transactor
        self._retrying = retrying
        self._tokens = tokens
        self._end = end
        self._issuance = issuance

    async def __call__(self, command: PayCommand) -> PaymentId:
        """One attempt an order. Raises PaymentDeclined, PaymentPending while the end is not known, or TicketIssuanceFailed."""
        attempt = attempt_of(command.order_id or "")
        if not isinstance(attempt, PaymentId) or attempt.performance_id != command.reservation_id.performance_id or not command.payment_key:
            raise ReservationNotFound
        pin = PinHold(
            command=command,
            shown_token=self._tokens.examine(command.queue_token),
            payment_id=attempt,
            payment_key=command.payment_key,
            issuing=await self._issuance.is_possible(),
        )
        payment_id = await self._retrying(Step.PAYMENT, lambda: self._transactor.run(pin))
        return (await self._end.of(payment_id)).id
