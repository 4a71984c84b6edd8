"""An errand to the card gateway: the durable half of a saga step.

It is written with the intent, before the first byte leaves, and closed by proof only, in the transaction that writes
what was learned. Between the two any process may die, and another takes the errand up.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple, Self
from uuid import UUID

from domain.money import Won

GATEWAY_WINDOW = timedelta(minutes=10)
"""After this the gateway itself refuses to confirm a checkout."""
LONGEST_READ = timedelta(seconds=60)
MARGIN = timedelta(seconds=60)


class ErrandKind(StrEnum):
    CONFIRM = "CONFIRM"
    CANCEL = "CANCEL"


class ErrandState(StrEnum):
    """MANUAL: a person has to look at it; nothing happens by itself any more."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"
    MANUAL = "MANUAL"


class ErrandId(NamedTuple):
    """``attempt`` is the payment's or top-up's own uuid; ``shard_key`` the concert's or the person's."""

    shard_key: UUID
    attempt: UUID
    kind: ErrandKind


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayErrand:
    id: ErrandId
    order_id: str
    payment_key: str = field(repr=False)
    amount: Won
    state: ErrandState
    created_at: datetime

    @property
    def idempotency_key(self) -> str:
        """One a payment and kind, whoever asks and however often."""
        return f"{self.id.kind.lower()}:{self.id.attempt}"

    @property
    def request_hash(self) -> bytes:
        """Binds the key to what is asked under it; the gateway does not."""
        return sha256(repr((self.id.kind, self.order_id, self.payment_key, self.amount)).encode()).digest()

    def close(self) -> Self:
        return replace(self, state=ErrandState.CLOSED)

    def reopen(self) -> Self:
        """A person has looked at it, and it may be tried again, under its old key."""
        return replace(self, state=ErrandState.OPEN)

    def hand_over(self) -> Self:
        """To a person."""
        return replace(self, state=ErrandState.MANUAL)


def may_still_be_sent(begun_at: datetime, now: datetime) -> bool:
    """Whether a stopped worker that wakes now could still have the gateway confirm what it began then."""
    return now < begun_at + GATEWAY_WINDOW + LONGEST_READ + MARGIN
