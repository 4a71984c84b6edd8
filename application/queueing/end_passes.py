"""The end of passes whose time is over: in the row first, then their slots may be freed."""

from dataclasses import dataclass

from application.ports.unit_of_work import Needs
from application.work import Work
from domain.buyer import Buyer
from domain.ids import BuyerId, ConcertId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPasses:
    """Passes past their deadline end as EXPIRED; those that live, or ended some other way, are left as they are."""

    concert_id: ConcertId
    user_ids: tuple[UserId, ...]

    def needs(self) -> Needs:
        buyers = tuple(BuyerId(self.concert_id, user_id) for user_id in self.user_ids)
        return Needs(shard=self.concert_id, buyers=buyers)

    def decide(self, work: Work) -> tuple[Buyer, ...]:
        """The rows as they are then, in the order in which they were named."""
        return tuple(self._end(BuyerId(self.concert_id, user_id), work) for user_id in self.user_ids)

    def _end(self, buyer_id: BuyerId, work: Work) -> Buyer:
        buyer = work.buyers.of(buyer_id)
        over = buyer.run_out(work.now)
        if over != buyer:
            work.buyers.change(over)
        return over
