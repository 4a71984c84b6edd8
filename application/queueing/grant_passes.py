"""Granting: what the line decided becomes true in the database, or does not happen."""

from dataclasses import dataclass
from datetime import timedelta

from application.ports.admission import Taken
from application.ports.unit_of_work import Needs
from application.ports.waiting_queue import QueueEpoch
from application.work import Work
from domain.buyer import PASS_DURATION
from domain.ids import BuyerId, ConcertId


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantPasses:
    """Each person's pass for the place they were taken at. Raises Stale if the queue is in another epoch by now.

    Granting again what was granted changes nothing, so a tick that was interrupted is simply finished by the next.
    """

    at: QueueEpoch
    taken: tuple[Taken, ...]
    duration: timedelta = PASS_DURATION

    def needs(self) -> Needs:
        concert_id = self.at.concert_id
        buyers = tuple(BuyerId(concert_id, person.user_id) for person in self.taken)
        return Needs(shard=concert_id, shared_queues=(concert_id,), buyers=buyers)

    def decide(self, work: Work) -> tuple[bool, ...]:
        """For each person, whether the pass for their place lives."""
        work.queues.get(self.at.concert_id).ensure_epoch(self.at.epoch)
        return tuple(self._grant(self.at.concert_id, person, work) for person in self.taken)

    def _grant(self, concert_id: ConcertId, person: Taken, work: Work) -> bool:
        buyer = work.buyers.of(BuyerId(concert_id, person.user_id))
        granted = buyer.grant(person.place, work.now, self.duration)
        if granted != buyer:
            work.buyers.save(granted)
        return granted.pass_place == person.place and granted.has_live_pass(work.now)
