"""The operators' levers on a concert's queue."""

from collections.abc import Callable
from dataclasses import dataclass

from application.ports.queue_recovery import QueueRecovery
from application.ports.unit_of_work import Needs
from application.queueing.sales import Sales
from application.retrying import Retrying
from application.transactor import Transactor
from application.work import Work
from domain.concert_queue import ConcertQueue
from domain.errors import ConcertNotFound, QueueUnavailable, Step, StoreUnavailable
from domain.ids import ConcertId


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeQueue:
    concert_id: ConcertId
    change: Callable[[ConcertQueue], ConcertQueue]

    def needs(self) -> Needs:
        return Needs(shard=self.concert_id, queues=(self.concert_id,))

    def decide(self, work: Work) -> ConcertQueue:
        """Raises ConcertNotFound."""
        if (queue := work.queues.find(self.concert_id)) is None:
            raise ConcertNotFound
        changed = self.change(queue)
        work.queues.change(changed)
        return changed


class OperateQueue:
    """Each answers with the queue as it is then, and raises ConcertNotFound or ServiceUnavailable.

    Other processes follow within a second.
    """

    def __init__(self, transactor: Transactor, retrying: Retrying, recovery: QueueRecovery, sales: Sales) -> None:
        self._transactor = transactor
        self._retrying = retrying
        self._recovery = recovery
        self._sales = sales

    async def pause(self, concert_id: ConcertId) -> ConcertQueue:
        """Nobody is admitted; places are kept, and people may still join."""
        return await self._change(concert_id, ConcertQueue.pause)

    async def resume(self, concert_id: ConcertId) -> ConcertQueue:
        return await self._change(concert_id, ConcertQueue.resume)

    async def close(self, concert_id: ConcertId) -> ConcertQueue:
        """For good: nobody joins or is admitted any more, and the line is forgotten. Passes that live are kept."""
        closed = await self._change(concert_id, ConcertQueue.close)
        try:
            await self._recovery.purge(concert_id)
        except QueueUnavailable:
            return closed  # an admission tick purges it when it meets the closed queue
        return closed

    async def set_levers(self, concert_id: ConcertId, *, capacity: int | None = None, rate: int | None = None) -> ConcertQueue:
        """``capacity`` passes at once, ``rate`` admissions a second; None leaves a lever where it is."""
        return await self._change(concert_id, lambda queue: queue.with_levers(capacity=capacity, rate=rate))

    async def _change(self, concert_id: ConcertId, change: Callable[[ConcertQueue], ConcertQueue]) -> ConcertQueue:
        transaction = ChangeQueue(concert_id=concert_id, change=change)
        changed = await self._retrying(Step.TOKEN_EXPIRY, lambda: self._transactor.run(transaction))
        try:
            await self._sales.anew(concert_id)
        except StoreUnavailable:
            return changed
        return changed
