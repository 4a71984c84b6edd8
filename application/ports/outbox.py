from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from domain.ids import MessageId
from domain.message import OutboxMessage


class Outbox(Protocol):
    """Messages waiting to be published. Time is the database's; a claim is conditional on its owner."""

    async def claim(self, owner: str, limit: int, lease_seconds: int) -> Sequence[OutboxMessage]:
        """Messages nobody else has, for so long. Of each key only the lowest unpublished sequence can be claimed."""
        ...

    async def mark_published(self, owner: str, ids: Sequence[MessageId]) -> None:
        """After the broker's ack. Rows whose lease went to another owner are left alone."""
        ...

    async def release(self, owner: str, ids: Sequence[MessageId], fault: str) -> None:
        """Back to be claimed again at once; ``fault`` (no personal data) is written beside them."""
        ...

    async def purge_published(self, before: datetime, limit: int) -> int:
        """Forgets at most ``limit`` messages published before then; returns how many."""
        ...

    async def backlog(self) -> int:
        """How many messages are not published."""
        ...
