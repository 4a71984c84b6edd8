"""The waiting queue's places and tokens.

A place is ``epoch · 2^40 + order``: everyone numbered in an earlier epoch stands ahead of everyone numbered later.
Epochs stay below 8192, so a place is exact in a double, which is what Redis sorts by.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.errors import QueueTokenInvalid, QueueTokenProblem
from domain.ids import BuyerId, ConcertId, UserId

ORDERS_PER_EPOCH = 2**40
HIGHEST_EPOCH = 8191
ONLY_LANE = "general"


class QueueTokenState(StrEnum):
    WAITING = "WAITING"
    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    LEFT = "LEFT"


class QueuePhase(StrEnum):
    GATHERING = "GATHERING"
    OPEN = "OPEN"
    PAUSED = "PAUSED"
    CLOSED = "CLOSED"


class QueueCondition(StrEnum):
    LIVE = "LIVE"
    RECOVERING = "RECOVERING"
    UNAVAILABLE = "UNAVAILABLE"


def place_of(epoch: int, order: int) -> int:
    if not 0 <= epoch <= HIGHEST_EPOCH or not 0 <= order < ORDERS_PER_EPOCH:
        raise ValueError(f"no place: epoch {epoch}, order {order}")
    return epoch * ORDERS_PER_EPOCH + order


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueToken:
    """The claims of a signed place in one concert's line."""

    concert_id: ConcertId
    user_id: UserId
    lane: str
    place: int
    entered_at: datetime

    @property
    def buyer_id(self) -> BuyerId:
        return BuyerId(self.concert_id, self.user_id)

    def ensure_for(self, buyer_id: BuyerId) -> None:
        """Another's token, or one for another concert, opens nothing here."""
        if self.user_id != buyer_id.user_id:
            raise QueueTokenInvalid(QueueTokenProblem.WRONG_USER)
        if self.concert_id != buyer_id.concert_id:
            raise QueueTokenInvalid(QueueTokenProblem.WRONG_CONCERT)

    @property
    def epoch(self) -> int:
        return self.place // ORDERS_PER_EPOCH

    @property
    def order(self) -> int:
        return self.place % ORDERS_PER_EPOCH

    @property
    def number(self) -> str:
        """What people compare: the same as long as the place is theirs."""
        return f"{self.epoch}-{self.order}"


ShownToken = QueueToken | QueueTokenProblem
"""A token as it was shown: its claims, or what is wrong with it. Refused only after the earlier result was looked for."""


def place_shown(shown: ShownToken, buyer_id: BuyerId) -> int:
    """The place that this buyer's own token names. Raises QueueTokenInvalid."""
    if isinstance(shown, QueueTokenProblem):
        raise QueueTokenInvalid(shown)
    shown.ensure_for(buyer_id)
    return shown.place
