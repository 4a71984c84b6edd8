"""A webhook of the gateway's is unsigned: it proves nothing, and only says where to look, or to look sooner."""

from application.ports.bookings import BookingView
from application.ports.gateway_errands import GatewayErrands
from application.ports.hints import Hints
from application.ports.top_ups import TopUpView
from domain.gateway_errand import ErrandId, ErrandKind
from domain.ids import PaymentId, TopUpId
from domain.payment import PaymentStatus
from domain.payment_order import attempt_of

LOOK_BACK_EVERY = 600.0
"""Seconds: however often a failed attempt is named, it is looked up once in about so long, or six times where the gateway shows nothing."""


class HearWebhook:
    """What waits for a look-up need not wait longer; an attempt that has failed is looked up again, lest it was charged after all.

    Repeats are not told apart by their transmission id, which anybody can make up: the same attempt named again costs no look-up
    of its own, and what is named once more too soon is only looked up later.
    """

    def __init__(self, errands: GatewayErrands, bookings: BookingView, top_ups: TopUpView, hints: Hints) -> None:
        self._errands = errands
        self._bookings = bookings
        self._top_ups = top_ups
        self._hints = hints

    async def __call__(self, order_id: str) -> bool:
        """Whether something is looked up for that. An order that is none of ours is nobody's business."""
        attempt = attempt_of(order_id)
        if attempt is None:
            return False
        shard, uuid = (attempt.concert_id, attempt.payment) if isinstance(attempt, PaymentId) else attempt
        looked_up = await self._errands.hurry([ErrandId(shard, uuid, kind) for kind in ErrandKind]) > 0
        if not looked_up and await self._has_failed(attempt):
            looked_up = await self._errands.look_back(ErrandId(shard, uuid, ErrandKind.CONFIRM), LOOK_BACK_EVERY)
        if looked_up:
            await self._hints.wake_gateway()
        return looked_up

    async def _has_failed(self, attempt: PaymentId | TopUpId) -> bool:
        if isinstance(attempt, TopUpId):
            top_up = await self._top_ups.top_up(attempt)
            return top_up is not None and top_up.status is PaymentStatus.FAILED
        [payment] = await self._bookings.payments_by_id([attempt])
        return payment is not None and payment.status is PaymentStatus.FAILED
