"""Waiting a little for the end of a top-up that the gateway decides on."""

from application.patience import Patience
from application.ports.top_ups import TopUpView
from domain.errors import PaymentDeclined, ServiceUnavailable, TopUpPending
from domain.ids import TopUpId
from domain.payment import PaymentStatus
from domain.top_up import TopUp

RETRY_AFTER_SECONDS = 3


class TopUpEnd:
    def __init__(self, top_ups: TopUpView, patience: Patience) -> None:
        self._top_ups = top_ups
        self._patience = patience

    async def of(self, top_up_id: TopUpId) -> TopUp:
        """The top-up, completed. Raises PaymentDeclined; TopUpPending when it takes too long, ServiceUnavailable if it was never seen."""
        top_up = await self._patience.until(lambda seen: seen.status.is_final, lambda: self._top_ups.top_up(top_up_id))
        if top_up is None:
            raise ServiceUnavailable(retry_after_seconds=RETRY_AFTER_SECONDS)
        if top_up.status is PaymentStatus.FAILED:
            raise PaymentDeclined(top_up.decline_code or "UNKNOWN")
        if not top_up.status.is_final:
            raise TopUpPending(top_up_id, retry_after_seconds=RETRY_AFTER_SECONDS)
        return top_up
