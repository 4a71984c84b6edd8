"""Topping up points by card."""

from dataclasses import dataclass

from application.points.top_up_end import TopUpEnd
from application.ports.unit_of_work import Needs
from application.retrying import Retrying
from application.transactor import Transactor
from application.work import Work
from domain.errors import IdempotencyConflict, InvalidAmount, Step
from domain.events import TopUpRequested
from domain.gateway_errand import ErrandId, ErrandKind, ErrandState, GatewayErrand
from domain.idempotency import IdempotencyKey, fingerprint_of
from domain.ids import TopUpId, UserId
from domain.money import Won
from domain.payment import PaymentStatus
from domain.payment_order import OrderKey, attempt_of, order_id_of
from domain.top_up import LARGEST_TOP_UP, SMALLEST_TOP_UP, TopUp, ensure_top_up_amount


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUpCommand:
    user_id: UserId
    order_id: str
    amount: int
    payment_key: str
    idempotency_key: str

    @property
    def idempotency(self) -> IdempotencyKey:
        return IdempotencyKey(self.user_id, self.user_id, "top-up", self.idempotency_key)

    @property
    def fingerprint(self) -> bytes:
        return fingerprint_of(self.order_id, self.amount, self.payment_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTopUp:
    """The gateway's errand is written; the points enter the account when it has proved the charge."""

    command: TopUpCommand
    id: TopUpId
    amount: Won

    def needs(self) -> Needs:
        return Needs(
            shard=self.command.user_id,
            point_accounts=(self.command.user_id,),
            idempotency=(self.command.idempotency,),
            orders=(OrderKey(self.id.user_id, self.id.top_up),),
            top_ups=(self.id,),
        )

    def decide(self, work: Work) -> TopUpId:
        command = self.command
        if earlier := work.idempotency.earlier_result(command.idempotency, command.fingerprint):
            return TopUpId(command.user_id, *earlier)
        if (attempt := work.top_ups.find(self.id)) is not None:
            if (attempt.payment_key, attempt.amount) != (command.payment_key, self.amount):
                raise IdempotencyConflict
            return attempt.id
        order = work.orders.find(OrderKey(self.id.user_id, self.id.top_up))
        if order is None or order.card_amount != self.amount or work.now >= order.expires_at:
            raise InvalidAmount(SMALLEST_TOP_UP, LARGEST_TOP_UP)
        work.top_ups.add(
            TopUp(
                id=self.id,
                amount=self.amount,
                status=PaymentStatus.REQUESTED,
                order_id=command.order_id,
                payment_key=command.payment_key,
                requested_at=work.now,
            )
        )
        work.errands.add(
            GatewayErrand(
                id=ErrandId(self.id.user_id, self.id.top_up, ErrandKind.CONFIRM),
                order_id=order_id_of(self.id),
                payment_key=command.payment_key,
                amount=self.amount,
                state=ErrandState.OPEN,
                created_at=work.now,
            )
        )
        work.remember(command.idempotency, command.fingerprint, self.id[1:])
        work.raise_event(TopUpRequested(at=work.now, id=self.id))
        return self.id


class TopUpPoints:
    def __init__(self, transactor: Transactor, retrying: Retrying, end: TopUpEnd) -> None:
        self._transactor = transactor
        self._retrying = retrying
        self._end = end

    async def __call__(self, command: TopUpCommand) -> TopUp:
        """The top-up once its points are there. Raises InvalidAmount (also for an order that is none), PaymentDeclined, TopUpPending."""
        amount = ensure_top_up_amount(command.amount)
        attempt = attempt_of(command.order_id)
        if not isinstance(attempt, TopUpId) or attempt.user_id != command.user_id:
            raise InvalidAmount(SMALLEST_TOP_UP, LARGEST_TOP_UP)
        request = RequestTopUp(command=command, id=attempt, amount=amount)
        top_up_id = await self._retrying(Step.PAYMENT, lambda: self._transactor.run(request))
        return await self._end.of(top_up_id)
