from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from application.ports.waiting_queue import LineState, QueueEpoch, Sighting
from domain.ids import UserId


class ChangeKind(StrEnum):
    CAME = "+"
    """Took a place before the end of the line: everyone behind stands one further back."""
    WENT = "-"
    """Is out of the line: everyone behind moves up."""
    ADMITTED = "A"
    """The buyer row of the pass is written."""
    ENDED = "E"
    """The pass is over, its slot is free."""
    LEFT = "L"


class Change(NamedTuple):
    kind: ChangeKind
    user_id: UserId
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """``changes`` are those after the cursor, oldest first, None if the log does not reach back so far; all is as of ``cursor``."""

    cursor: int
    changes: Sequence[Change] | None
    sightings: Sequence[Sighting]
    line: LineState


class QueueChanges(Protocol):
    async def follow(self, at: QueueEpoch, cursor: int | None, shown: Sequence[tuple[UserId, int]]) -> Followed:
        """What changed since the cursor (None: nothing is asked), and how those stand who show their places now.

        At most 256 of them; a place that is shown is stood at again, as by ``WaitingQueue.show``. Joins at the end of
        the line are no changes: they move nobody. Raises QueueUnavailable or EpochLost.
        """
        ...
