from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from application.ports.message_subscriber import Delivery

SUFFIX = ".dlq"
"""Behind the name of the topic that a poison message was read from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """A message that could not be handled, for a reason of its own, and how often that was tried. No personal data in ``reason``."""

    delivery: Delivery
    reason: str
    tries: int

    @property
    def headers(self) -> Mapping[str, str]:
        """What stands beside it on the dead-letter topic."""
        topic, partition, offset = self.delivery.position
        return {
            "dlq-reason": self.reason,
            "dlq-tries": str(self.tries),
            "dlq-topic": topic,
            "dlq-partition": str(partition),
            "dlq-offset": str(offset),
        }


class DeadLetterTopic(Protocol):
    async def bury(self, poison: Sequence[Poison]) -> None:
        """Each lies on the dead-letter topic of the one it came from, unchanged but for the headers, when this returns.

        Raises BrokerUnavailable; then some may lie there already, and do so twice when it is called again. One that the
        topic refuses is logged and left out.
        """
        ...
