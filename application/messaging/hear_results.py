"""A provider tells that it knows what became of messages: a hint that brings the next look forward."""

from collections.abc import Sequence

from application.ports.delivery_queue import DeliveryQueue
from domain.ids import NotificationId


class HearResults:
    """What it says of the result is not believed, and whatever it does not tell is asked for all the same."""

    def __init__(self, queue: DeliveryQueue) -> None:
        self._queue = queue

    async def __call__(self, notification_ids: Sequence[NotificationId]) -> int:
        """How many had been waiting for their next look."""
        return await self._queue.hurry(notification_ids) if notification_ids else 0
