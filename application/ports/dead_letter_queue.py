"""Messages that were given up, until somebody decides on each: sent again, or discarded with a note."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from application.ports.catalogue import Page
from domain.ids import DeadLetterId
from domain.message import OutboxMessage


class LetterOrigin(StrEnum):
    OUTBOX = "OUTBOX"
    CONSUMER = "CONSUMER"


class LetterStatus(StrEnum):
    OPEN = "OPEN"
    REDRIVEN = "REDRIVEN"
    DISCARDED = "DISCARDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Who decided, and why: what the audit says of a letter's end."""

    operator: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterEnd:
    decision: Decision
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that died once; if it is sent again and dies again, that is another letter.

    ``message`` is None where it was unreadable; ``excerpt`` shows how such a one began. ``position`` is where it lies on
    the broker, of one that a consumer gave up.
    """

    id: DeadLetterId
    origin: LetterOrigin
    status: LetterStatus = LetterStatus.OPEN
    reason: str
    tries: int
    died_at: datetime
    message: OutboxMessage | None
    position: str | None = None
    excerpt: str | None = None
    end: LetterEnd | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """None: any."""

    status: LetterStatus | None = LetterStatus.OPEN
    type: str | None = None
    origin: LetterOrigin | None = None


class DeadLetterQueue(Protocol):
    """Every decision leaves an audit entry, in its own transaction."""

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """A letter of a position that is known already is left as it is."""
        ...

    async def letters(self, which: LetterFilter, first: int, after: DeadLetterId | None) -> Page[DeadLetter]:
        """Oldest first."""
        ...

    async def letters_by_id(self, ids: Sequence[DeadLetterId]) -> Sequence[DeadLetter | None]: ...

    async def redrive(self, ids: Sequence[DeadLetterId], decision: Decision) -> Sequence[DeadLetterId]:
        """Those that were open and readable wait in the outbox again, as if never tried; returns which."""
        ...

    async def discard(self, ids: Sequence[DeadLetterId], decision: Decision) -> Sequence[DeadLetterId]:
        """Those that were open will never be sent; returns which."""
        ...
