from collections.abc import Sequence
from typing import Protocol

from domain.errors import BrokerUnavailable
from domain.ids import MessageId
from domain.message import OutboxMessage


class PartlyPublished(BrokerUnavailable):
    """The broker acknowledged some, and then did not answer in time."""

    def __init__(self, acknowledged: Sequence[MessageId]) -> None:
        super().__init__(f"{len(acknowledged)} acknowledged")
        self.acknowledged = tuple(acknowledged)


class MessagePublisher(Protocol):
    async def publish(self, messages: Sequence[OutboxMessage]) -> Sequence[MessageId]:
        """The ids of those the broker has acknowledged, for good, before the publisher's deadline.

        One that is missing was refused for what it is. Raises BrokerUnavailable (PartlyPublished, where some were
        acknowledged) when the broker as a whole did not answer in time; some may be there all the same: readers know
        repeats by the message's id.
        """
        ...
