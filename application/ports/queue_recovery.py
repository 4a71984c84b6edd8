from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol

from application.ports.waiting_queue import QueueEpoch
from domain.ids import ConcertId, UserId


class Begun(StrEnum):
    LIVE = "LIVE"
    """The epoch is there: nothing is to be recovered."""
    MINE = "MINE"
    BUSY = "BUSY"
    """Somebody else is at it."""


class Remembered(NamedTuple):
    """What a buyer's row says: the highest place they have spent, and how long their pass lives (None: it does not)."""

    user_id: UserId
    spent_place: int
    pass_remaining: timedelta | None


class QueueRecovery(Protocol):
    """Loading a new epoch. Whoever began has the work to themselves for some seconds, prolonged by each load.

    ``load`` and ``finish`` answer False when the work has become another's, or the store was emptied again: then what
    was begun counts for nothing. All methods raise QueueUnavailable.
    """

    async def begin(self, at: QueueEpoch, owner: str) -> Begun:
        """Nothing else works on this queue from now until ``finish``. Those who were being admitted wait again."""
        ...

    async def load(self, concert_id: ConcertId, owner: str, buyers: Sequence[Remembered]) -> bool:
        """Live passes get their slots; whoever has one, or has spent the place they wait at, waits no longer."""
        ...

    async def finish(self, at: QueueEpoch, owner: str, pause: timedelta) -> bool:
        """The queue is in this epoch now. For so long nobody is admitted, so that all who waited can come back."""
        ...

    async def purge(self, concert_id: ConcertId) -> None:
        """Forget the queue: its sale is over."""
        ...
