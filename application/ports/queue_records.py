"""What the database knows of the waiting queues, read without locks.

All methods raise StoreUnavailable. Reads go to the primary and see what was committed before they began: after an
epoch was raised, the buyers admitted in the one before are all there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.buyer import Buyer
from domain.concert_queue import ConcertQueue
from domain.ids import BuyerId, ConcertId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveQueue:
    """A queue that people may stand in now, with the opening of its sale: before that they gather, and none is admitted."""

    queue: ConcertQueue
    sales_open_at: datetime


class QueueView(Protocol):
    async def queues_by_id(self, ids: Sequence[ConcertId]) -> Sequence[ConcertQueue | None]:
        """In the order of the keys, None for what is not; at most 100 keys."""
        ...

    async def live_queues(self, now: datetime, limit: int) -> Sequence[LiveQueue]:
        """Of concerts with ``queue_opens_at <= now < sales_close_at`` whose queue is not CLOSED: by concert id, at most ``limit``."""
        ...

    async def buyers_by_id(self, ids: Sequence[BuyerId]) -> Sequence[Buyer | None]:
        """In the order of the keys, None for people who have no row; at most 500 keys, of one concert."""
        ...

    async def buyers_of(self, concert_id: ConcertId, first: int, after: UserId | None) -> Sequence[Buyer]:
        """A page of all the rows of a concert, ended passes too, in the order of their user ids (by bytes), behind ``after``."""
        ...
