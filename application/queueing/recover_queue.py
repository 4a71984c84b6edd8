"""What happens when the queue's store forgets: a new epoch is opened behind the old one's places."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from application.ports.clock import Clock
from application.ports.id_generator import IdGenerator
from application.ports.metrics import Metrics
from application.ports.queue_records import QueueView
from application.ports.queue_recovery import Begun, QueueRecovery, Remembered
from application.ports.unit_of_work import Needs
from application.ports.waiting_queue import QueueEpoch
from application.transactor import Transactor
from application.work import Work
from domain.buyer import Buyer
from domain.concert_queue import ConcertQueue, QueueStatus
from domain.errors import ConcertNotFound, SalesClosed, SalesClosedReason
from domain.ids import ConcertId

TIME_TO_COME_BACK = timedelta(seconds=10)
"""How long a recovered queue admits nobody, so that those who waited show their tokens before others are served."""
PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseEpoch:
    """The queue's next epoch, once. Grants of the one before that did not commit by now never will."""

    lost: QueueEpoch

    def needs(self) -> Needs:
        return Needs(shard=self.lost.concert_id, queues=(self.lost.concert_id,))

    def decide(self, work: Work) -> QueueEpoch:
        queue = work.queues.get(self.lost.concert_id)
        if queue.status is QueueStatus.CLOSED:
            raise SalesClosed(SalesClosedReason.CLOSED_BY_OPERATOR)
        raised = queue.raise_epoch(self.lost.epoch)
        work.queues.change(raised)
        return QueueEpoch(raised.concert_id, raised.epoch)


class RecoverQueue:
    def __init__(
        self,
        transactor: Transactor,
        queues: QueueView,
        recovery: QueueRecovery,
        clock: Clock,
        ids: IdGenerator,
        metrics: Metrics,
        time_to_come_back: timedelta = TIME_TO_COME_BACK,
    ) -> None:
        self._transactor = transactor
        self._queues = queues
        self._recovery = recovery
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._time_to_come_back = time_to_come_back
        self._running: dict[ConcertId, asyncio.Task[bool]] = {}

    async def __call__(self, concert_id: ConcertId) -> bool:
        """Opens the queue in a new epoch, if its store holds no live one. False: somebody else is at it.

        Callers of one process share one attempt, which goes on when they give up. Raises SalesClosed,
        ConcertNotFound, and the faults of the stores.
        """
        running = self._running.get(concert_id)
        if running is None:
            running = self._running[concert_id] = asyncio.get_running_loop().create_task(self._recover(concert_id))
            running.add_done_callback(lambda done: self._forget(concert_id, done))
        return await asyncio.shield(running)

    def _forget(self, concert_id: ConcertId, done: asyncio.Task[bool]) -> None:
        del self._running[concert_id]
        if not done.cancelled():
            done.exception()  # the callers hear it; if all gave up, the next one meets it again

    async def _recover(self, concert_id: ConcertId) -> bool:
        queue = await self._queue(concert_id)
        lost = QueueEpoch(concert_id, queue.epoch)
        owner = str(self._ids.new_id())
        begun = await self._recovery.begin(lost, owner)
        if begun is not Begun.MINE:
            return begun is Begun.LIVE
        raised = await self._transactor.run(RaiseEpoch(lost=lost))
        # Where nobody was ever numbered, nobody can come back.
        pause = self._time_to_come_back if lost.epoch else timedelta()
        opened = await self._load(concert_id, owner) and await self._recovery.finish(raised, owner, pause)
        if opened and lost.epoch:
            self._metrics.count("concert_queue_recoveries_total")
        return opened

    async def _queue(self, concert_id: ConcertId) -> ConcertQueue:
        (queue,) = await self._queues.queues_by_id([concert_id])
        if queue is None:
            raise ConcertNotFound
        if queue.status is QueueStatus.CLOSED:
            raise SalesClosed(SalesClosedReason.CLOSED_BY_OPERATOR)
        return queue

    async def _load(self, concert_id: ConcertId, owner: str) -> bool:
        after = None
        while True:
            page = await self._queues.buyers_of(concert_id, PAGE, after)
            now = self._clock.now()
            if page and not await self._recovery.load(concert_id, owner, [_remembered(buyer, now) for buyer in page]):
                return False
            if len(page) < PAGE:
                return True
            after = page[-1].id.user_id


def _remembered(buyer: Buyer, now: datetime) -> Remembered:
    live = buyer.has_live_pass(now) and buyer.deadline is not None
    return Remembered(buyer.id.user_id, buyer.highest_spent_place, buyer.deadline - now if live and buyer.deadline else None)
