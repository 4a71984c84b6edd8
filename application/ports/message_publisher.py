from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.errors import BrokerUnavailable
from domain.ids import MessageId
from domain.message import OutboxMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What became of a batch. ``refused``: each for what it is, with the reason (no personal data); the others went."""

    acknowledged: tuple[MessageId, ...] = ()
    refused: Mapping[MessageId, str] = field(default_factory=dict)


class PartlyPublished(BrokerUnavailable):
    """The broker decided on some, and then did not answer in time."""

    def __init__(self, published: Published) -> None:
        super().__init__(f"{len(published.acknowledged)} acknowledged, {len(published.refused)} refused")
        self.published = published


class MessagePublisher(Protocol):
    async def publish(self, messages: Sequence[OutboxMessage]) -> Published:
        """Each message is either acknowledged by the broker, for good, or refused for what it is, before the publisher's deadline.

        A message that cannot be published takes none of the others down. Raises BrokerUnavailable (PartlyPublished,
        where some were decided on) when the broker as a whole did not answer in time; some may be there all the same:
        readers know repeats by the message's id.
        """
        ...
