"""A payment is one attempt to pay for one reservation."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from domain.errors import NotCancellable
from domain.ids import PaymentId, ReservationId, UserId
from domain.money import ZERO, Won


class PaymentStatus(StrEnum):
    REQUESTED = "REQUESTED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    IN_DOUBT = "IN_DOUBT"

    @property
    def is_final(self) -> bool:
        """Nothing is under way any more; a completed payment can still be refunded, which is a new errand."""
        return self in (PaymentStatus.COMPLETED, PaymentStatus.FAILED, PaymentStatus.CANCELLED)


class PaymentMethod(StrEnum):
    POINTS = "POINTS"
    CARD = "CARD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """``amount`` = ``points_amount`` + ``card_amount``, in won."""

    id: PaymentId
    reservation_id: ReservationId
    user_id: UserId
    method: PaymentMethod
    status: PaymentStatus
    points_amount: Won
    card_amount: Won
    requested_at: datetime
    paid_at: datetime | None = None

    @property
    def amount(self) -> Won:
        return Won(self.points_amount + self.card_amount)

    @classmethod
    def with_points(cls, payment_id: PaymentId, reservation_id: ReservationId, user_id: UserId, amount: Won, now: datetime) -> Self:
        """Paid in the moment it is asked for: points need nobody outside."""
        return cls(
            id=payment_id,
            reservation_id=reservation_id,
            user_id=user_id,
            method=PaymentMethod.POINTS,
            status=PaymentStatus.COMPLETED,
            points_amount=amount,
            card_amount=ZERO,
            requested_at=now,
            paid_at=now,
        )

    def cancel(self) -> Self:
        """Raises NotCancellable unless the payment stands."""
        if self.status is not PaymentStatus.COMPLETED:
            raise NotCancellable
        return replace(self, status=PaymentStatus.CANCELLED)
