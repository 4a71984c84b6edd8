"""Sweeping holds that have run out."""

from dataclasses import dataclass

from application.all_of import all_of
from application.ports.clock import Clock
from application.ports.seat_holders import SeatHolders
from application.ports.unit_of_work import Needs
from application.release_hold import release_hold
from application.retrying import Retrying
from application.transactor import Transactor
from application.work import Work
from domain.errors import ServiceUnavailable, Stale, Step
from domain.reservation import Reservation

BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireHold:
    """The seats of a hold that has run out are free again, unless somebody was faster."""

    found: Reservation

    def needs(self) -> Needs:
        return Needs(shard=self.found.id.concert_id, buyers=(self.found.buyer_id,), reservations=(self.found.id,))

    def decide(self, work: Work) -> None:
        release_hold(work.reservations.get(self.found.id).expire(work.now), work)


class ExpireHolds:
    def __init__(self, transactor: Transactor, retrying: Retrying, holders: SeatHolders, clock: Clock) -> None:
        self._transactor = transactor
        self._retrying = retrying
        self._holders = holders
        self._clock = clock

    async def __call__(self) -> int:
        """Ends what has run out, oldest first, at most ``BATCH``; returns how many it ended."""
        overdue = await self._holders.overdue(self._clock.now(), BATCH)
        return sum(await all_of(*(self._end(reservation) for reservation in overdue)))

    async def _end(self, reservation: Reservation) -> bool:
        try:
            await self._retrying(Step.PAYMENT, lambda: self._transactor.run(ExpireHold(found=reservation)))
        except (Stale, ServiceUnavailable):
            return False
        return True
