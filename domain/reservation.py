"""A reservation: seats held for a person until a moment, then theirs or anyone's."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from domain.errors import NotCancellable, ReservationAlreadyPaid, ReservationExpired, Stale
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
    """PENDING → CONFIRMED → CANCELLED; PENDING → CANCELLED or EXPIRED. The seat list never changes.

    ``pass_place`` is the pass it was made under. ``sequence`` counts the messages told about it.
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

    @property
    def buyer_id(self) -> BuyerId:
        return BuyerId(self.id.concert_id, self.user_id)

    def is_overdue(self, now: datetime) -> bool:
        return self.status is ReservationStatus.PENDING and self.expires_at <= now

    def ensure_payable(self, now: datetime) -> None:
        """Raises ReservationAlreadyPaid or ReservationExpired."""
        if self.status in (ReservationStatus.CONFIRMED, ReservationStatus.CANCELLING) and self.payment_id is not None:
            raise ReservationAlreadyPaid(self.payment_id)
        if self.status is not ReservationStatus.PENDING or self.is_overdue(now):
            raise ReservationExpired

    def confirm(self, payment_id: PaymentId) -> Self:
        return replace(self, status=ReservationStatus.CONFIRMED, payment_id=payment_id)

    def expire(self, now: datetime) -> Self:
        """Raises Stale if the hold still runs or has ended some other way."""
        if not self.is_overdue(now):
            raise Stale("the hold has not run out")
        return replace(self, status=ReservationStatus.EXPIRED)

    def cancel(self) -> Self:
        """Raises NotCancellable unless seats are held or owned."""
        if self.status not in (ReservationStatus.PENDING, ReservationStatus.CONFIRMED):
            raise NotCancellable
        return replace(self, status=ReservationStatus.CANCELLED)

    def tell(self) -> Self:
        """One more message about this reservation; its number is taken under the reservation's lock."""
        return replace(self, sequence=self.sequence + 1)
