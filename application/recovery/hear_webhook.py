"""A webhook of the gateway's is unsigned: it proves nothing, and only says where to look sooner."""

from application.ports.gateway_errands import GatewayErrands
from application.ports.hints import Hints
from domain.gateway_errand import ErrandId, ErrandKind
from domain.ids import PaymentId
from domain.payment_order import attempt_of


class HearWebhook:
    def __init__(self, errands: GatewayErrands, hints: Hints) -> None:
        self._errands = errands
        self._hints = hints

    async def __call__(self, order_id: str) -> bool:
        """Whether something waited for that. An order that is none of ours is nobody's business."""
        attempt = attempt_of(order_id)
        if attempt is None:
            return False
        shard, uuid = (attempt.concert_id, attempt.payment) if isinstance(attempt, PaymentId) else attempt
        waited = await self._errands.hurry([ErrandId(shard, uuid, kind) for kind in ErrandKind])
        if waited:
            await self._hints.wake_gateway()
        return waited > 0
