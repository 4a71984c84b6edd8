"""Paying for a held reservation."""

from dataclasses import dataclass, field, replace

from application.booking.ticket_issuance import UNGUARDED, TicketIssuance
from application.ports.id_generator import IdGenerator
from application.ports.unit_of_work import Needs
from application.queueing.queue_tokens import QueueTokens
from application.retrying import Retrying
from application.transactor import Transactor
from application.work import Work
from domain.errors import CircuitOpen, ServiceUnavailable, Stale, Step, TicketIssuanceFailed
from domain.events import PaymentCompleted
from domain.idempotency import IdempotencyKey, fingerprint_of
from domain.ids import BuyerId, PaymentId, ReservationId, UserId
from domain.money import Won
from domain.payment import Payment, PaymentMethod
from domain.queue_token import ShownToken, place_shown


@dataclass(frozen=True, slots=True, kw_only=True)
class PayCommand:
    user_id: UserId
    reservation_id: ReservationId
    queue_token: str
    idempotency_key: str
    method: PaymentMethod = PaymentMethod.POINTS
    order_id: str | None = None
    payment_key: str | None = field(default=None, repr=False)
    points: Won | None = None
    """Beside a card: what the order was minted with, if it is said again."""

    @property
    def buyer_id(self) -> BuyerId:
        return BuyerId(self.reservation_id.concert_id, self.user_id)

    @property
    def idempotency(self) -> IdempotencyKey:
        return IdempotencyKey(self.reservation_id.concert_id, self.user_id, "pay", self.idempotency_key)

    @property
    def fingerprint(self) -> bytes:
        """What is bought and how; the queue token may be renewed between two tries."""
        return fingerprint_of(*self.reservation_id, self.method, self.order_id, self.payment_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayWithPoints:
    """The held seats become the payer's and the points leave the account, or nothing happens at all.

    While tickets cannot be issued (``issuing`` false), only an earlier payment is found again.
    """

    command: PayCommand
    shown_token: ShownToken
    payment_id: PaymentId
    issuing: bool = True

    def needs(self) -> Needs:
        command = self.command
        return Needs(
            shard=command.reservation_id.concert_id,
            shared_performances=(command.reservation_id.performance_id,),
            buyers=(command.buyer_id,),
            reservations=(command.reservation_id,),
            point_accounts=(command.user_id,),
            idempotency=(command.idempotency,),
        )

    def decide(self, work: Work) -> PaymentId:
        command = self.command
        if earlier := work.idempotency.earlier_result(command.idempotency, command.fingerprint):
            return PaymentId(command.reservation_id.concert_id, *earlier)
        if not self.issuing:
            raise TicketIssuanceFailed(refunded=False)
        reservation = work.reservations.of(command.user_id, command.reservation_id)
        work.performances.on_offer(command.reservation_id.performance_id).ensure_on_sale(work.now)
        reservation.ensure_payable(work.now)
        work.buyers.of(command.buyer_id).ensure_admitted(place_shown(self.shown_token, command.buyer_id), work.now)
        payment = Payment.with_points(self.payment_id, reservation.id, reservation.user_id, reservation.total_price, work.now)
        work.payments.add(payment)
        work.remember(command.idempotency, command.fingerprint, payment.id[1:])
        work.raise_event(PaymentCompleted(at=work.now, payment=payment))
        return payment.id


class Pay:
    def __init__(
        self, transactor: Transactor, retrying: Retrying, tokens: QueueTokens, ids: IdGenerator, issuance: TicketIssuance = UNGUARDED
    ) -> None:
        self._transactor = transactor
        self._retrying = retrying
        self._tokens = tokens
        self._ids = ids
        self._issuance = issuance

    async def __call__(self, command: PayCommand) -> PaymentId:
        """Pays once per idempotency key, however often it is asked. Raises TicketIssuanceFailed while tickets cannot be issued."""
        payment_id = PaymentId(*command.reservation_id.performance_id, self._ids.new_id())
        transaction = PayWithPoints(command=command, shown_token=self._tokens.examine(command.queue_token), payment_id=payment_id)
        try:
            return await self._pay(transaction)
        except Stale as stale:
            raise ServiceUnavailable(retry_after_seconds=1) from stale

    async def _pay(self, transaction: PayWithPoints) -> PaymentId:
        """An attempt before the circuit opened may have been committed, its answer lost: that one is found."""

        async def attempt() -> PaymentId:
            try:
                return await self._issuance.paying(
                    lambda: self._transactor.run(transaction), issued=lambda payment_id: payment_id == transaction.payment_id
                )
            except CircuitOpen:
                return await self._transactor.run(replace(transaction, issuing=False))

        return await self._retrying(Step.PAYMENT, attempt)
