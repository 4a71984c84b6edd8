"""Doing something in a queue's epoch, whichever that is by now."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from application.ports.sleeper import Sleeper
from application.ports.waiting_queue import EpochLost, QueueEpoch
from application.queueing.recover_queue import RecoverQueue
from application.queueing.sales import Sales
from domain.errors import QueueUnavailable, Stale
from domain.ids import ConcertId

T = TypeVar("T")

PATIENCE = 2.0
"""Seconds for which a caller waits while somebody else opens a new epoch."""
LOOK_AGAIN_AFTER = 0.05


class Recovering(QueueUnavailable):
    """The store is there, and somebody is loading it anew."""


class Epochs:
    def __init__(self, sales: Sales, recover: RecoverQueue, sleeper: Sleeper) -> None:
        self._sales = sales
        self._recover = recover
        self._sleeper = sleeper

    async def run(self, concert_id: ConcertId, act: Callable[[QueueEpoch], Awaitable[T]], patience: float = PATIENCE) -> T:
        """Acts in the present epoch; where the store has lost it, opens the next and acts there.

        Raises Recovering when that took longer than the caller's patience, SalesClosed where no epoch may be opened,
        and the faults of the stores.
        """
        gives_up_at = self._sleeper.elapsed() + patience
        sale = await self._sales.of(concert_id)
        while True:
            try:
                return await act(sale.at)
            except EpochLost as lost:
                recovered = await self._recovered(concert_id)
                if self._sleeper.elapsed() >= gives_up_at:
                    raise Recovering("an epoch is being opened") from lost
                if not recovered:
                    await self._sleeper.sleep(LOOK_AGAIN_AFTER)
                sale = await self._sales.after(sale.at)

    async def _recovered(self, concert_id: ConcertId) -> bool:
        try:
            return await self._recover(concert_id)
        except Stale:  # somebody was faster, or the database is ahead of what was looked at
            return False
