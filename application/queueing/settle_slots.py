"""What becomes, in the database, of those whom a tick has taken, and of those whose pass may be over."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from application.ports.admission import Kept, Settlement, Slot, Taken
from application.ports.clock import Clock
from application.ports.metrics import Metrics
from application.ports.queue_records import QueueView
from application.ports.waiting_queue import EpochLost, QueueEpoch
from application.queueing.end_passes import EndPasses
from application.queueing.grant_passes import GrantPasses
from application.transactor import Transactor
from domain.buyer import PASS_DURATION, Buyer
from domain.errors import NotCommitted, OutcomeUnknown, ServiceUnavailable, Stale
from domain.ids import BuyerId, ConcertId

T = TypeVar("T")
R = TypeVar("R")

TOGETHER = 50
"""People of one transaction. Where it meets a lock that somebody holds for long, each is tried alone."""


class SettleSlots:
    def __init__(
        self, transactor: Transactor, queues: QueueView, clock: Clock, metrics: Metrics, pass_duration: timedelta = PASS_DURATION
    ) -> None:
        self._transactor = transactor
        self._queues = queues
        self._clock = clock
        self._metrics = metrics
        self._pass_duration = pass_duration

    async def __call__(self, at: QueueEpoch, taken: Sequence[Taken], suspects: Sequence[Slot]) -> Settlement:
        """Grants the one, ends the other, rows first. Who could not be settled is named again by the next tick.

        Raises EpochLost if the database is in another epoch, StoreUnavailable.
        """
        granted, refused = await self._grant(at, taken)
        freed, kept = await self._end(at.concert_id, suspects)
        return Settlement(granted=tuple(granted), refused=tuple(refused), freed=tuple(freed), kept=tuple(kept))

    async def _grant(self, at: QueueEpoch, taken: Sequence[Taken]) -> tuple[list[Taken], list[Taken]]:
        async def grant(people: Sequence[Taken]) -> Sequence[bool]:
            return await self._transactor.run(GrantPasses(at=at, taken=tuple(people), duration=self._pass_duration))

        try:
            lives = await self._together(taken, grant)
        except Stale as stale:
            raise EpochLost(*at) from stale
        return [person for person, live in lives if live], [person for person, live in lives if not live]

    async def _end(self, concert_id: ConcertId, suspects: Sequence[Slot]) -> tuple[list[Slot], list[Kept]]:
        """Most have ended in their row already; only those past their deadline are written."""
        rows = await self._queues.buyers_by_id([BuyerId(concert_id, slot.user_id) for slot in suspects]) if suspects else ()
        now = self._clock.now()
        found = list(zip(suspects, rows, strict=True))
        over = [slot for slot, row in found if row is not None and row.ended is None and not row.has_live_pass(now)]
        certain = [(slot, row) for slot, row in found if slot not in over]

        async def end(slots: Sequence[Slot]) -> Sequence[Buyer]:
            return await self._transactor.run(EndPasses(concert_id=concert_id, user_ids=tuple(slot.user_id for slot in slots)))

        certain += await self._together(over, end)
        kept = [Kept(slot, row.deadline - now) for slot, row in certain if row and row.deadline and row.has_live_pass(now)]
        return [slot for slot, row in certain if row is None or not row.has_live_pass(now)], kept

    async def _together(self, people: Sequence[T], act: Callable[[Sequence[T]], Awaitable[Sequence[R]]]) -> list[tuple[T, R]]:
        done: list[tuple[T, R]] = []
        for first in range(0, len(people), TOGETHER):
            some = people[first : first + TOGETHER]
            results = await self._attempt(some, act)
            if results is not None:
                done += zip(some, results, strict=True)
                continue
            for one in some:
                if (alone := await self._attempt([one], act)) is not None:
                    done.append((one, alone[0]))
        return done

    async def _attempt(self, people: Sequence[T], act: Callable[[Sequence[T]], Awaitable[Sequence[R]]]) -> Sequence[R] | None:
        """None where it is not known to be done. All of it may be done again, so an unknown outcome is no other."""
        try:
            return await act(people)
        except (NotCommitted, OutcomeUnknown, ServiceUnavailable) as fault:
            self._metrics.count("concert_admission_failures_total", kind=type(fault).__name__)
            return None
