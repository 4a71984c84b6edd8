"""An outbox in memory, with leases by a clock."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from application.ports.clock import Clock
from application.ports.outbox import DueMessage, Refusal, RetryLater
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
        self.refusals: list[Refusal] = []
        self.attempts: dict[MessageId, int] = {}
        self.due: dict[MessageId, datetime] = {}
        self.dead: list[OutboxMessage] = []
        self.leases: dict[MessageId, tuple[str, datetime]] = {}
        self.away = False

    async def claim(self, owner: str, limit: int, lease_seconds: int) -> Sequence[DueMessage]:
        self._answer()
        lowest: dict[object, OutboxMessage] = {}
        for message in sorted(self.waiting.values(), key=lambda message: message.sequence):
            lowest.setdefault(message.key, message)
        now = self._clock.now()
        due = [message for message in lowest.values() if self.due.get(message.id, now) <= now]
        free = [message for message in due if message.id not in self.leases or self.leases[message.id][1] <= now]
        for message in free[:limit]:
            self.leases[message.id] = (owner, now + timedelta(seconds=lease_seconds))
        return [DueMessage(message=message, attempts=self.attempts.get(message.id, 0)) for message in free[:limit]]

    async def mark_published(self, owner: str, ids: Sequence[MessageId]) -> None:
        self._answer()
        for message_id in self._owned(owner, ids):
            del self.waiting[message_id]
            self.published.append(message_id)

    async def release(self, owner: str, ids: Sequence[MessageId], fault: str) -> None:
        self._answer()
        for message_id in self._owned(owner, ids):
            self.released.append((message_id, fault))

    async def refuse(self, owner: str, refusals: Sequence[Refusal]) -> None:
        self._answer()
        for refusal in refusals:
            if self._owned(owner, [refusal.id]):
                self.refusals.append(refusal)
                self.attempts[refusal.id] = self.attempts.get(refusal.id, 0) + 1
                if isinstance(refusal, RetryLater):
                    self.due[refusal.id] = self._clock.now() + timedelta(seconds=refusal.seconds)
                else:
                    self.dead.append(self.waiting.pop(refusal.id))

    async def backlog(self) -> int:
        return len(self.waiting)

    def _owned(self, owner: str, ids: Sequence[MessageId]) -> list[MessageId]:
        return [message_id for message_id in ids if self.leases.pop(message_id, ("", None))[0] == owner]

    def _answer(self) -> None:
        if self.away:
            raise StoreUnavailable("away")
