from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.ids import DeadLetterId, MessageId
from domain.message import OutboxMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class DueMessage:
    """``attempts``: how often the broker has refused this very message."""

    message: OutboxMessage
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLater:
    """Refused; tried again after so many seconds. ``fault`` carries no personal data."""

    id: MessageId
    fault: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """Refused for the last time: a dead letter of this id, until somebody decides on it."""

    id: MessageId
    fault: str
    letter_id: DeadLetterId


Refusal = RetryLater | GivenUp


class Outbox(Protocol):
    """Messages waiting to be published. Time is the database's; a claim is conditional on its owner."""

    async def claim(self, owner: str, limit: int, lease_seconds: int) -> Sequence[DueMessage]:
        """Messages nobody else has, for so long. Of each key only the lowest unpublished sequence can be claimed."""
        ...

    async def mark_published(self, owner: str, ids: Sequence[MessageId]) -> None:
        """After the broker's ack. Rows whose lease went to another owner are left alone."""
        ...

    async def release(self, owner: str, ids: Sequence[MessageId], fault: str) -> None:
        """Back to be claimed again at once, no try spent; ``fault`` (no personal data) is written beside them."""
        ...

    async def refuse(self, owner: str, refusals: Sequence[Refusal]) -> None:
        """A try spent on each: RETRYING until its time has come, or DEAD, which releases its key."""
        ...

    async def backlog(self) -> int:
        """How many messages are not published."""
        ...
