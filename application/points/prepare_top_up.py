"""Before a card is shown for points: an order."""

from dataclasses import dataclass

from application.ports.id_generator import IdGenerator
from application.ports.unit_of_work import Needs
from application.retrying import Retrying
from application.transactor import Transactor
from application.work import Work
from domain.errors import InvalidAmount, Step
from domain.ids import TopUpId, UserId
from domain.money import MAXIMUM_BALANCE, ZERO, Won
from domain.payment_order import OrderKey, OrderPurpose, PaymentOrder
from domain.top_up import LARGEST_TOP_UP, SMALLEST_TOP_UP, ensure_top_up_amount

HEADROOM = Won(10 * LARGEST_TOP_UP)
"""Several top-ups may be under way at once; a restore is never refused either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MintTopUpOrder:
    """The cap on balances is looked at here, with headroom: what is paid is never refused."""

    id: TopUpId
    amount: Won

    def needs(self) -> Needs:
        return Needs(shard=self.id.user_id, point_accounts=(self.id.user_id,))

    def decide(self, work: Work) -> PaymentOrder:
        balance = work.point_accounts.of(self.id.user_id).balance
        if balance + self.amount + HEADROOM > MAXIMUM_BALANCE:
            raise InvalidAmount(SMALLEST_TOP_UP, Won(max(0, min(LARGEST_TOP_UP, MAXIMUM_BALANCE - HEADROOM - balance))))
        order = PaymentOrder(
            key=OrderKey(self.id.user_id, self.id.top_up),
            purpose=OrderPurpose.TOP_UP,
            user_id=self.id.user_id,
            reservation_id=None,
            points=ZERO,
            card_amount=self.amount,
            created_at=work.now,
        )
        work.orders.add(order)
        return order


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedTopUp:
    id: TopUpId
    order: PaymentOrder


class PrepareTopUp:
    def __init__(self, transactor: Transactor, retrying: Retrying, ids: IdGenerator) -> None:
        self._transactor = transactor
        self._retrying = retrying
        self._ids = ids

    async def __call__(self, user_id: UserId, amount: int) -> PreparedTopUp:
        """Raises InvalidAmount."""
        mint = MintTopUpOrder(id=TopUpId(user_id, self._ids.new_id()), amount=ensure_top_up_amount(amount))
        order = await self._retrying(Step.PAYMENT, lambda: self._transactor.run(mint))
        return PreparedTopUp(id=mint.id, order=order)
