"""The line itself: who stands where. All methods raise QueueUnavailable or EpochLost.

A queue is always addressed together with the epoch it is believed to be in, and nothing happens in another.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from domain.errors import ConcertError
from domain.ids import ConcertId, UserId


class EpochLost(ConcertError):
    """The store holds another epoch than the one named, or none: what it had counted may be gone. Nothing was done."""


class QueueEpoch(NamedTuple):
    concert_id: ConcertId
    epoch: int


class Spot(StrEnum):
    WAITING = "WAITING"
    ADMITTING = "ADMITTING"
    """Taken from the head of the line; their buyer row is being written."""
    ADMITTED = "ADMITTED"
    """They have one of the concert's passes; what it is worth, the buyer row says."""
    SPENT = "SPENT"
    """The shown place was admitted or left before, and they stand nowhere else."""
    NOWHERE = "NOWHERE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """``place`` and ``ahead`` (how many stand before it) mean something for those who wait; ``place`` also while admitting."""

    spot: Spot
    place: int = 0
    ahead: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LineState:
    """``opens_in`` (seconds): how long nobody is admitted yet, so that all who stood here can come back; 0 = live.

    ``admissions_per_second`` is measured over the last seconds; None while there were none.
    """

    waiting: int
    active: int
    opens_in: float
    admitted_last_minute: int
    admissions_per_second: float | None


class WaitingQueue(Protocol):
    async def join(self, at: QueueEpoch, user_id: UserId, shown_place: int | None) -> tuple[Sighting, LineState]:
        """One place a person: the one they have, else the shown one if it is not spent, else the next one at the end."""
        ...

    async def show(self, at: QueueEpoch, user_id: UserId, place: int) -> tuple[Sighting, LineState]:
        """As ``join`` with that place, but numbers nobody anew: who has no place, and shows a spent one, gets none."""
        ...

    async def leave(self, at: QueueEpoch, user_id: UserId, place: int) -> None:
        """Gives up whatever the person has, up to and with that place: their slot, if the row of their pass ended before."""
        ...

    async def state(self, at: QueueEpoch) -> LineState: ...
