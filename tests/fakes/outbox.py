"""An outbox in memory, with leases by a clock."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from application.ports.clock import Clock
from domain.errors import StoreUnavailable
from domain.ids import MessageId
from domain.message import OutboxMessage


class MemoryOutbox:
    """``away``: the database does not answer."""

    def __init__(self, clock: Clock, *messages: OutboxMessage) -> None:
        self._clock = clock
        self.waiting = {message.id: message for message in messages}
        self.published: list[MessageId] = []
        self.released: list[tuple[MessageId, str]] = []
        self.leases: dict[MessageId, tuple[str, datetime]] = {}
        self.away = False

    async def claim(self, owner: str, limit: int, lease_seconds: int) -> Sequence[OutboxMessage]:
        self._answer()
        lowest: dict[object, OutboxMessage] = {}
        for message in sorted(self.waiting.values(), key=lambda message: message.sequence):
            lowest.setdefault(message.key, message)
        now = self._clock.now()
        free = [message for message in lowest.values() if message.id not in self.leases or self.leases[message.id][1] <= now]
        for message in free[:limit]:
            self.leases[message.id] = (owner, now + timedelta(seconds=lease_seconds))
        return free[:limit]

    async def mark_published(self, owner: str, ids: Sequence[MessageId]) -> None:
        self._answer()
        for message_id in self._owned(owner, ids):
            del self.waiting[message_id]
            self.published.append(message_id)

    async def release(self, owner: str, ids: Sequence[MessageId], fault: str) -> None:
        self._answer()
        for message_id in self._owned(owner, ids):
            self.released.append((message_id, fault))

    async def purge_published(self, before: datetime, limit: int) -> int:
        return 0

    async def backlog(self) -> int:
        return len(self.waiting)

    def _owned(self, owner: str, ids: Sequence[MessageId]) -> list[MessageId]:
        return [message_id for message_id in ids if self.leases.pop(message_id, ("", None))[0] == owner]

    def _answer(self) -> None:
        if self.away:
            raise StoreUnavailable("away")
