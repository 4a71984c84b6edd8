"""A reservation: seats held for a person until a moment, then theirs or anyone's."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from domain.errors import NotCancellable, PaymentPending, ReservationAlreadyPaid, ReservationExpired, Stale
from domain.ids import BuyerId, PaymentId, ReservationId, SeatId, UserId
from domain.money import Won

HOLD_DURATION = timedelta(minutes=5)


class ReservationStatus(StrEnum):
    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """PENDING → CONFIRMED → CANCELLING → CANCELLED; PENDING → CANCELLED, EXPIRED; EXPIRED → CONFIRMED by a late success.

    The seat list never changes.

    ``pass_place`` is the pass it was made under. ``sequence`` counts the messages told about it. While a card payment
    is open, the hold is *pinned*: ``expires_at`` lies beyond the gateway's time, once, and ``unpinned_expires_at`` keeps
    the end it had; expiry and take-over look at ``expires_at`` only, so that a gateway that is away blocks no seat for long.
    """

    id: ReservationId
    user_id: UserId
    seat_ids: tuple[SeatId, ...]
    total_price: Won
    status: ReservationStatus
    expires_at: datetime
    pass_place: int
    created_at: datetime
    payment_id: PaymentId | None = None
    sequence: int = 0
    open_payment_id: PaymentId | None = None
    unpinned_expires_at: datetime | None = None

    @property
    def buyer_id(self) -> BuyerId:
        return BuyerId(self.id.concert_id, self.user_id)

    def is_overdue(self, now: datetime) -> bool:
        return self.status is ReservationStatus.PENDING and self.expires_at <= now

    def ensure_payable(self, now: datetime) -> None:
        """Raises ReservationAlreadyPaid, ReservationExpired, or PaymentPending while a card payment is open."""
        if self.status in (ReservationStatus.CONFIRMED, ReservationStatus.CANCELLING) and self.payment_id is not None:
            raise ReservationAlreadyPaid(self.payment_id)
        if self.status is not ReservationStatus.PENDING or self.is_overdue(now):
            raise ReservationExpired
        if self.open_payment_id is not None:
            raise PaymentPending(self.open_payment_id, retry_after_seconds=2)

    def pin(self, payment_id: PaymentId, until: datetime) -> Self:
        """The hold outlives the gateway's time for this attempt; once, and never to an earlier end."""
        return replace(self, open_payment_id=payment_id, expires_at=max(until, self.expires_at), unpinned_expires_at=self.expires_at)

    def unpin(self, payment_id: PaymentId) -> Self:
        """The attempt has failed: the original end is back, so that another card can be tried until then."""
        if self.open_payment_id != payment_id:
            return self
        return replace(self, open_payment_id=None, expires_at=self.unpinned_expires_at or self.expires_at, unpinned_expires_at=None)

    def confirm(self, payment_id: PaymentId) -> Self:
        return replace(self, status=ReservationStatus.CONFIRMED, payment_id=payment_id, open_payment_id=None, unpinned_expires_at=None)

    def begin_refund(self) -> Self:
        """Raises NotCancellable unless it is paid."""
        if self.status is not ReservationStatus.CONFIRMED:
            raise NotCancellable
        return replace(self, status=ReservationStatus.CANCELLING)

    def stand_again(self) -> Self:
        return replace(self, status=ReservationStatus.CONFIRMED)

    def expire(self, now: datetime) -> Self:
        """Raises Stale if the hold still runs or has ended some other way."""
        if not self.is_overdue(now):
            raise Stale("the hold has not run out")
        return replace(self, status=ReservationStatus.EXPIRED)

    def cancel(self) -> Self:
        """Raises NotCancellable unless seats are held or owned, or while a card payment is open."""
        if self.status not in (ReservationStatus.PENDING, ReservationStatus.CONFIRMED, ReservationStatus.CANCELLING):
            raise NotCancellable
        if self.open_payment_id is not None:
            raise NotCancellable
        return replace(self, status=ReservationStatus.CANCELLED)

    def tell(self) -> Self:
        """One more message about this reservation; its number is taken under the reservation's lock."""
        return replace(self, sequence=self.sequence + 1)
