"""An order: what one attempt to pay by card is for, minted before the gateway's client is shown.

The gateway binds the card's payment key to the order id, so an order serves one attempt; a declined try needs a new one.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from domain.errors import ReservationExpired, ReservationNotFound
from domain.ids import ConcertId, PaymentId, ReservationId, TopUpId, UserId
from domain.money import Won

ORDER_DURATION = timedelta(minutes=30)
"""The gateway's own time for a checkout."""
SMALLEST_CARD_AMOUNT = Won(100)


class OrderPurpose(StrEnum):
    RESERVATION = "RESERVATION"
    TOP_UP = "TOP_UP"


class OrderKey(NamedTuple):
    """``shard_key`` is the concert's id for a reservation's order, the person's for a top-up's."""

    shard_key: UUID
    order: UUID


def order_id_of(attempt: PaymentId | TopUpId) -> str:
    """What the gateway knows the attempt by: 64 URL-safe characters for a payment, 43 for a top-up."""
    return urlsafe_b64encode(b"".join(part.bytes for part in attempt)).rstrip(b"=").decode()


def attempt_of(order_id: str) -> PaymentId | TopUpId | None:
    """The attempt that an order id names, or None where it is no order id of ours."""
    try:
        raw = urlsafe_b64decode(order_id.encode("ascii") + b"=" * (-len(order_id) % 4))
    except (NotBase64, UnicodeError, ValueError):
        return None
    parts = [UUID(bytes=raw[start : start + 16]) for start in range(0, len(raw) - 15, 16)]
    if len(raw) == 48:
        return PaymentId(ConcertId(parts[0]), parts[1], parts[2])
    if len(raw) == 32:
        return TopUpId(UserId(parts[0]), parts[1])
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOrder:
    """``card_amount`` (won) is what the gateway will be asked to confirm, and nothing else."""

    key: OrderKey
    purpose: OrderPurpose
    user_id: UserId
    reservation_id: ReservationId | None
    points: Won
    card_amount: Won
    created_at: datetime

    @property
    def expires_at(self) -> datetime:
        return self.created_at + ORDER_DURATION

    def ensure_for(self, user_id: UserId, reservation_id: ReservationId, now: datetime) -> None:
        """Another's order, or one for something else, is as good as none; an old one is over."""
        if self.user_id != user_id or self.reservation_id != reservation_id:
            raise ReservationNotFound
        if now >= self.expires_at:
            raise ReservationExpired
