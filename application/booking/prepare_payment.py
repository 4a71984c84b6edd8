"""Before a card is shown: an order, whose id and amount the gateway's client binds the card's payment to."""

from dataclasses import dataclass

from application.ports.id_generator import IdGenerator
from application.ports.unit_of_work import Needs
from application.queueing.queue_tokens import QueueTokens
from application.retrying import Retrying
from application.transactor import Transactor
from application.work import Work
from domain.errors import ConcertError, InsufficientPoints, PaymentPending, ServiceUnavailable, Step
from domain.ids import BuyerId, PaymentId, ReservationId, UserId
from domain.money import Won
from domain.payment_order import SMALLEST_CARD_AMOUNT, OrderKey, OrderPurpose, PaymentOrder
from domain.queue_token import ShownToken, place_shown


class CardPartTooSmall(ConcertError):
    """The card's part is 0 (pay with points) or at least 100 won, the least a card takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparePaymentCommand:
    """``points`` (won) are to be used beside the card."""

    user_id: UserId
    reservation_id: ReservationId
    queue_token: str
    points: Won

    @property
    def buyer_id(self) -> BuyerId:
        return BuyerId(self.reservation_id.concert_id, self.user_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class MintOrder:
    """One order, for one attempt; whether it is paid is another matter."""

    command: PreparePaymentCommand
    shown_token: ShownToken
    payment_id: PaymentId

    def needs(self) -> Needs:
        command = self.command
        return Needs(
            shard=command.reservation_id.concert_id,
            shared_performances=(command.reservation_id.performance_id,),
            buyers=(command.buyer_id,),
            reservations=(command.reservation_id,),
            point_accounts=(command.user_id,),
        )

    def decide(self, work: Work) -> PaymentOrder:
        command = self.command
        reservation = work.reservations.of(command.user_id, command.reservation_id)
        work.performances.on_offer(reservation.id.performance_id).ensure_on_sale(work.now)
        reservation.ensure_payable(work.now)
        work.buyers.of(command.buyer_id).ensure_admitted(place_shown(self.shown_token, command.buyer_id), work.now)
        balance = work.point_accounts.of(command.user_id).balance
        if command.points > balance:
            raise InsufficientPoints(balance, command.points)
        card_amount = Won(reservation.total_price - command.points)
        if card_amount < SMALLEST_CARD_AMOUNT:
            raise CardPartTooSmall
        order = PaymentOrder(
            key=OrderKey(self.payment_id.concert_id, self.payment_id.payment),
            purpose=OrderPurpose.RESERVATION,
            user_id=command.user_id,
            reservation_id=reservation.id,
            points=command.points,
            card_amount=card_amount,
            created_at=work.now,
        )
        work.orders.add(order)
        return order


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedOrder:
    """``attempt`` becomes the payment's id; the gateway knows it as ``order_id_of(attempt)``."""

    attempt: PaymentId
    order: PaymentOrder


class PreparePayment:
    def __init__(self, transactor: Transactor, retrying: Retrying, tokens: QueueTokens, ids: IdGenerator) -> None:
        self._transactor = transactor
        self._retrying = retrying
        self._tokens = tokens
        self._ids = ids

    async def __call__(self, command: PreparePaymentCommand) -> PreparedOrder:
        """A new order each time: a declined try needs a new one. While another attempt is open: ServiceUnavailable."""
        attempt = PaymentId(*command.reservation_id.performance_id, self._ids.new_id())
        mint = MintOrder(command=command, shown_token=self._tokens.examine(command.queue_token), payment_id=attempt)
        try:
            order = await self._retrying(Step.PAYMENT, lambda: self._transactor.run(mint))
        except PaymentPending as pending:
            raise ServiceUnavailable(retry_after_seconds=pending.retry_after_seconds) from pending
        return PreparedOrder(attempt=attempt, order=order)
