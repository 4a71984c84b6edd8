"""A broker in memory: what was published can be read, and every call can be made to fail."""

from collections.abc import Sequence

from application.ports.dead_letter_topic import Poison
from application.ports.message_publisher import Published
from application.ports.message_subscriber import Delivery
from domain.ids import MessageId
from domain.message import OutboxMessage


class MemoryPublisher:
    """Takes everything, save what ``refused`` names, with its reason; ``faults`` are raised one a call, None for a call that succeeds."""

    def __init__(self, *faults: Exception | None) -> None:
        self.faults = list(faults)
        self.refused: dict[MessageId, str] = {}
        self.log: list[OutboxMessage] = []

    async def publish(self, messages: Sequence[OutboxMessage]) -> Published:
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        taken = [message for message in messages if message.id not in self.refused]
        self.log.extend(taken)
        refused = {message.id: self.refused[message.id] for message in messages if message.id in self.refused}
        return Published(acknowledged=tuple(message.id for message in taken), refused=refused)


class MemoryDeadLetterTopic:
    """``faults`` are raised one a call, None for a call that succeeds."""

    def __init__(self, *faults: Exception | None) -> None:
        self.faults = list(faults)
        self.buried: list[Poison] = []

    async def bury(self, poison: Sequence[Poison]) -> None:
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        self.buried.extend(poison)


class MemorySubscriber:
    """Hands out what was put in, once, batch by batch."""

    def __init__(self, *deliveries: Delivery) -> None:
        self.waiting = list(deliveries)
        self.received = 0
        self.committed: list[tuple[str, int, int]] = []

    def put(self, *messages: OutboxMessage | str) -> None:
        """A text stands for something unreadable, with that reason."""
        for message in messages:
            position = ("topic", 0, len(self.waiting) + self.received)
            if isinstance(message, str):
                self.waiting.append(Delivery(message=None, unreadable=message, position=position))
            else:
                self.waiting.append(Delivery(message=message, position=position))

    async def receive(self, limit: int, wait_seconds: float) -> Sequence[Delivery]:
        batch, self.waiting = self.waiting[:limit], self.waiting[limit:]
        self.received += len(batch)
        return batch

    async def commit(self, deliveries: Sequence[Delivery]) -> None:
        self.committed.extend(delivery.position for delivery in deliveries)
