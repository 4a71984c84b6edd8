from collections.abc import Sequence
from typing import Protocol

from domain.ids import MessageId
from domain.message import OutboxMessage


class MessagePublisher(Protocol):
    async def publish(self, messages: Sequence[OutboxMessage]) -> Sequence[MessageId]:
        """The ids of those the broker has acknowledged, for good, before the publisher's deadline.

        Raises BrokerUnavailable when the broker as a whole did not answer in time; some may be there all the same:
        readers know repeats by the message's id.
        """
        ...
