"""A buyer: a person admitted to a concert, with their pass and their count of seats.

Limits and the pass live on this one row, locked by admission, hold, payment, cancellation and expiry, so that two
tabs cannot both take the last allowed seats.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from domain.errors import HoldAlreadyOpen, PurchaseLimitExceeded, QueueTokenInvalid, QueueTokenProblem, Stale
from domain.ids import BuyerId, ReservationId

PASS_DURATION = timedelta(minutes=10)
PAYING_TIME = timedelta(seconds=30)
"""How long a pass outlives the hold that was made under it."""


class PassEnd(StrEnum):
    EXPIRED = "EXPIRED"
    USED = "USED"
    LEFT = "LEFT"
    TAKEN_BACK = "TAKEN_BACK"


_PROBLEM_OF_END = {
    PassEnd.EXPIRED: QueueTokenProblem.EXPIRED,
    PassEnd.USED: QueueTokenProblem.USED,
    PassEnd.LEFT: QueueTokenProblem.LEFT,
    PassEnd.TAKEN_BACK: QueueTokenProblem.NOT_ADMITTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """``pass_place`` is the place in the queue for which the pass was granted; ``ended`` says why it is over, if it is.

    New holds are made until ``first_deadline``; the pass itself ends at ``deadline``, which a hold moves.
    ``highest_spent_place`` is the highest place that was admitted or left and so cannot be stood at again.
    """

    id: BuyerId
    pass_place: int = 0
    first_deadline: datetime | None = None
    deadline: datetime | None = None
    shown_at: datetime | None = None
    ended: PassEnd | None = None
    highest_spent_place: int = 0
    held: int = 0
    bought: int = 0
    open_reservation_id: ReservationId | None = None
    open_hold_until: datetime | None = None

    def has_live_pass(self, now: datetime) -> bool:
        return self.pass_place > 0 and self.ended is None and self.deadline is not None and now < self.deadline

    def ensure_admitted(self, place: int, now: datetime) -> None:
        """The pass for this place is granted and lives, or QueueTokenInvalid says why not."""
        if place > self.pass_place:
            left = place <= self.highest_spent_place
            raise QueueTokenInvalid(QueueTokenProblem.LEFT if left else QueueTokenProblem.NOT_ADMITTED)
        if place < self.pass_place:
            raise QueueTokenInvalid(QueueTokenProblem.EXPIRED)
        if self.ended is not None:
            raise QueueTokenInvalid(_PROBLEM_OF_END[self.ended])
        if not self.has_live_pass(now):
            raise QueueTokenInvalid(QueueTokenProblem.EXPIRED)

    def ensure_may_hold(self, seats: int, limit: int, now: datetime) -> None:
        """Until the first deadline, one open hold at a time, no more seats than the concert's limit.

        Raises Stale where the open hold has run out: whoever finds that ends it, and asks again.
        """
        if self.first_deadline is None or now >= self.first_deadline:
            raise QueueTokenInvalid(QueueTokenProblem.EXPIRED)
        if self.open_reservation_id is not None:
            if self.open_hold_until is not None and self.open_hold_until <= now:
                raise Stale("the open hold has run out")
            raise HoldAlreadyOpen(self.open_reservation_id)
        remaining = max(0, limit - self.held - self.bought)
        if seats > remaining:
            raise PurchaseLimitExceeded(limit, remaining)

    def end_of(self, place: int, now: datetime) -> PassEnd | None:
        """How that place ended; None as long as it is not spent, or its pass lives."""
        if place > self.highest_spent_place or (place == self.pass_place and self.has_live_pass(now)):
            return None
        if place > self.pass_place:
            return PassEnd.LEFT
        return (self.ended if place == self.pass_place else None) or PassEnd.EXPIRED

    def grant(self, place: int, now: datetime, duration: timedelta = PASS_DURATION) -> Self:
        """The pass for this place; granting it twice, or an older one late, changes nothing."""
        if place <= self.pass_place or place <= self.highest_spent_place:
            return self
        return replace(
            self,
            pass_place=place,
            first_deadline=now + duration,
            deadline=now + duration,
            shown_at=None,
            ended=None,
            highest_spent_place=place,
        )

    def end_pass(self, place: int, end: PassEnd) -> Self:
        """Ends the pass of that place, no other, and only once."""
        if self.pass_place != place or self.ended is not None:
            return self
        return replace(self, ended=end)

    def run_out(self, now: datetime) -> Self:
        """A pass past its deadline ends as EXPIRED; any other is left as it is."""
        if self.deadline is None or now < self.deadline:
            return self
        return self.end_pass(self.pass_place, PassEnd.EXPIRED)

    def leave(self, place: int) -> Self:
        """That place is given up and cannot be stood at again; a pass reached by then ends with it: leaving once ends all."""
        left = self.end_pass(self.pass_place, PassEnd.LEFT) if 0 < self.pass_place <= place else self
        return replace(left, highest_spent_place=max(left.highest_spent_place, place))

    def hold(self, reservation_id: ReservationId, seats: int, hold_ends_at: datetime) -> Self:
        deadline = hold_ends_at + PAYING_TIME
        return replace(
            self,
            held=self.held + seats,
            open_reservation_id=reservation_id,
            open_hold_until=hold_ends_at,
            deadline=max(self.deadline or deadline, deadline),
        )

    def move_hold(self, reservation_id: ReservationId, hold_ends_at: datetime) -> Self:
        """Another end for the open hold; the pass outlives it as before, and is not shortened."""
        if self.open_reservation_id != reservation_id:
            return self
        deadline = hold_ends_at + PAYING_TIME
        return replace(self, open_hold_until=hold_ends_at, deadline=max(self.deadline or deadline, deadline))

    def hold_again(self, seats: int, limit: int) -> Self:
        """A late payment takes its seats up again, if the limit still allows it. Raises PurchaseLimitExceeded."""
        remaining = max(0, limit - self.held - self.bought)
        if seats > remaining:
            raise PurchaseLimitExceeded(limit, remaining)
        return replace(self, held=self.held + seats)

    def release(self, reservation_id: ReservationId, seats: int) -> Self:
        """The held seats are given back."""
        return replace(self._without_hold(reservation_id), held=self.held - seats)

    def buy(self, reservation_id: ReservationId, seats: int, under: int) -> Self:
        """The held seats are bought, and the pass under which they were held is used up."""
        bought = replace(self._without_hold(reservation_id), held=self.held - seats, bought=self.bought + seats)
        return bought.end_pass(under, PassEnd.USED)

    def refund(self, seats: int) -> Self:
        return replace(self, bought=self.bought - seats)

    def _without_hold(self, reservation_id: ReservationId) -> Self:
        if self.open_reservation_id != reservation_id:
            return self
        return replace(self, open_reservation_id=None, open_hold_until=None)
