"""Admission: from the head of the line into the house, as fast as it may go and no faster."""

import asyncio
from dataclasses import dataclass, field

from application.ports.admission import Admission, AdmissionTick, Levers, Settlement, Ticked
from application.ports.clock import Clock
from application.ports.metrics import Metrics
from application.ports.queue_records import LiveQueue, QueueView
from application.ports.sleeper import Sleeper
from application.ports.waiting_queue import EpochLost, QueueEpoch
from application.queueing.forget_queue import ForgetQueue
from application.queueing.recover_queue import RecoverQueue
from application.queueing.settle_slots import SettleSlots
from domain.concert_queue import QueueStatus
from domain.errors import SalesClosed, TransientError
from domain.ids import ConcertId

MOST_CONCERTS = 1_000
CONCERTS_AT_ONCE = 8
MOST_ROUNDS = 4
"""Taking, granting and freeing lead to each other; what is left after so many rounds waits for the next tick."""
LEVERS_FRESH_FOR = 0.25
"""Seconds: about a tick, so that the first of a new line need not wait."""
SWEEP_EVERY = 10.0
"""Seconds between two looks at every slot: what makes up for lost hints."""


@dataclass(slots=True)
class _Sweep:
    """Where the look at every slot goes on; None: it is done, the next one begins later."""

    begun_at: float = float("-inf")
    next_slot: int | None = None


@dataclass(slots=True)
class _LiveQueues:
    read_at: float = float("-inf")
    queues: dict[ConcertId, LiveQueue] = field(default_factory=dict)


class AdmitBuyers:
    def __init__(
        self,
        admission: Admission,
        settle: SettleSlots,
        recover: RecoverQueue,
        forget: ForgetQueue,
        queues: QueueView,
        clock: Clock,
        sleeper: Sleeper,
        metrics: Metrics,
        sweep_every: float = SWEEP_EVERY,
        levers_fresh_for: float = LEVERS_FRESH_FOR,
    ) -> None:
        self._admission = admission
        self._settle = settle
        self._recover = recover
        self._forget = forget
        self._queues = queues
        self._clock = clock
        self._sleeper = sleeper
        self._metrics = metrics
        self._sweep_every = sweep_every
        self._levers_fresh_for = levers_fresh_for
        self._live = _LiveQueues()
        self._sweeps: dict[ConcertId, _Sweep] = {}
        self._crowd = asyncio.Semaphore(CONCERTS_AT_ONCE)

    async def __call__(self) -> int:
        """One tick over all concerts on sale; returns how many people were admitted. Raises StoreUnavailable.

        A concert whose stores fail is left to the next tick and stops no other. Several processes may tick at once.
        """
        live = await self._live_queues()
        return sum(await asyncio.gather(*(self._tick(queue) for queue in live if queue.queue.epoch)))

    async def _live_queues(self) -> list[LiveQueue]:
        """Read at most once a tick; those that are no longer among them are over, and forgotten."""
        if self._sleeper.elapsed() - self._live.read_at >= self._levers_fresh_for:
            found = await self._queues.live_queues(self._clock.now(), MOST_CONCERTS)
            before, self._live.queues = self._live.queues, {live.queue.concert_id: live for live in found}
            self._live.read_at = self._sleeper.elapsed()
            for concert_id in before.keys() - self._live.queues.keys():
                self._sweeps.pop(concert_id, None)
                await self._forget(concert_id)
        return list(self._live.queues.values())

    async def _tick(self, live: LiveQueue) -> int:
        concert_id = live.queue.concert_id
        async with self._crowd:
            try:
                return await self._admit(live)
            except EpochLost:
                self._live.read_at = float("-inf")
                return await self._recovered(concert_id)
            except TransientError as fault:
                self._metrics.count("concert_admission_failures_total", kind=type(fault).__name__)
                return 0

    async def _recovered(self, concert_id: ConcertId) -> int:
        try:
            await self._recover(concert_id)
        except SalesClosed:
            return 0
        except TransientError as fault:
            self._metrics.count("concert_admission_failures_total", kind=type(fault).__name__)
        return 0

    async def _admit(self, live: LiveQueue) -> int:
        at = QueueEpoch(live.queue.concert_id, live.queue.epoch)
        levers = self._levers(live)
        sweep = self._sweep(at.concert_id)
        ticked = await self._admission.tick(AdmissionTick(at=at, levers=levers, sweep_from=sweep.next_slot))
        self._move(sweep, ticked)
        admitted = 0
        for rounds_left in reversed(range(MOST_ROUNDS)):
            settlement = await self._settle(at, ticked.taken, ticked.suspects)
            if settlement == Settlement():
                break
            admitted += len(settlement.granted)
            may_take = Levers(capacity=levers.capacity, rate=levers.rate, admitting=levers.admitting and rounds_left > 0)
            ticked = await self._admission.tick(AdmissionTick(at=at, levers=may_take, settlement=settlement))
        self._measure(at.concert_id, admitted, ticked)
        return admitted

    def _levers(self, live: LiveQueue) -> Levers:
        queue = live.queue
        admitting = queue.status is QueueStatus.OPEN and self._clock.now() >= live.sales_open_at
        return Levers(capacity=queue.capacity, rate=queue.rate, admitting=admitting)

    def _sweep(self, concert_id: ConcertId) -> _Sweep:
        sweep = self._sweeps.setdefault(concert_id, _Sweep())
        if sweep.next_slot is None and self._sleeper.elapsed() - sweep.begun_at >= self._sweep_every:
            sweep.begun_at, sweep.next_slot = self._sleeper.elapsed(), 0
        return sweep

    def _move(self, sweep: _Sweep, ticked: Ticked) -> None:
        if sweep.next_slot is not None:
            sweep.next_slot = sweep.next_slot + ticked.swept if ticked.swept else None

    def _measure(self, concert_id: ConcertId, admitted: int, ticked: Ticked) -> None:
        concert = str(concert_id)
        self._metrics.gauge("concert_queue_waiting", ticked.line.waiting, concert=concert)
        self._metrics.gauge("concert_queue_active", ticked.line.active, concert=concert)
        if admitted:
            self._metrics.count("concert_admissions_total", admitted, concert=concert)
