from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.message import OutboxMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message as it was read, or None with the reason where it could not be understood.

    ``position`` (topic, partition, offset) is the reader's own. ``key``, ``value`` and ``headers`` are as they lay on the
    broker, where it has such, so that what cannot be handled can be put aside unchanged.
    """

    message: OutboxMessage | None
    unreadable: str | None = None
    position: tuple[str, int, int]
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class MessageSubscriber(Protocol):
    async def receive(self, limit: int, wait_seconds: float) -> Sequence[Delivery]:
        """What comes next, per key in the order it was published; empty when nothing came in time. Raises BrokerUnavailable."""
        ...

    async def commit(self, deliveries: Sequence[Delivery]) -> None:
        """These are handled: they need not come again. What was received and not committed comes again after a restart."""
        ...
