"""A payment is one attempt to pay for one reservation."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from domain.errors import NotCancellable, Stale
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
    def is_open(self) -> bool:
        """The gateway may still take the money: nobody may try again, and nobody may give up."""
        return self in (PaymentStatus.REQUESTED, PaymentStatus.IN_DOUBT)

    @property
    def is_final(self) -> bool:
        """Nothing is under way any more; a completed payment can still be refunded, which is a new errand."""
        return self in (PaymentStatus.COMPLETED, PaymentStatus.FAILED, PaymentStatus.CANCELLED)


class PaymentMethod(StrEnum):
    POINTS = "POINTS"
    CARD = "CARD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """``amount`` = ``points_amount`` + ``card_amount``, in won; ``points_taken`` of the points have left the account already.

    By card, a payment is one attempt: ``order_id`` was minted for it alone, and ``payment_key`` is the gateway's for that order.
    """

    id: PaymentId
    reservation_id: ReservationId
    user_id: UserId
    method: PaymentMethod
    status: PaymentStatus
    points_amount: Won
    card_amount: Won
    requested_at: datetime
    paid_at: datetime | None = None
    points_taken: Won = ZERO
    order_id: str | None = None
    payment_key: str | None = field(default=None, repr=False)
    decline_code: str | None = None

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

    @classmethod
    def by_card(
        cls,
        payment_id: PaymentId,
        reservation_id: ReservationId,
        user_id: UserId,
        *,
        order_id: str,
        payment_key: str,
        points: Won,
        card: Won,
        now: datetime,
    ) -> Self:
        """Asked for, and not known yet: only the gateway's proof ends it. The points of a mixed payment leave at once."""
        return cls(
            id=payment_id,
            reservation_id=reservation_id,
            user_id=user_id,
            method=PaymentMethod.CARD,
            status=PaymentStatus.REQUESTED,
            points_amount=points,
            card_amount=card,
            requested_at=now,
            points_taken=points,
            order_id=order_id,
            payment_key=payment_key,
        )

    def complete(self, now: datetime) -> Self:
        """The gateway has proved that the money is ours."""
        return replace(self._while_open(), status=PaymentStatus.COMPLETED, paid_at=now)

    def doubt(self) -> Self:
        return replace(self._while_open(), status=PaymentStatus.IN_DOUBT)

    def fail(self, decline_code: str) -> Self:
        """The gateway has proved that it took nothing, and will take nothing."""
        return replace(self._while_open(), status=PaymentStatus.FAILED, decline_code=decline_code)

    def cancel(self) -> Self:
        """Taken back in full, at once: nobody outside is involved. Raises NotCancellable unless the payment stands."""
        if self.status is not PaymentStatus.COMPLETED:
            raise NotCancellable
        return replace(self, status=PaymentStatus.CANCELLED)

    def begin_refund(self) -> Self:
        """The intent to give the card's part back, written before the gateway is asked. Raises NotCancellable."""
        if self.status not in (PaymentStatus.COMPLETED, PaymentStatus.FAILED) and not self.status.is_open:
            raise NotCancellable
        return replace(self, status=PaymentStatus.CANCELLING)

    def refunded(self) -> Self:
        """The gateway has proved that the money went back."""
        return replace(self._while_refunding(), status=PaymentStatus.CANCELLED)

    def stand_again(self) -> Self:
        """The gateway has refused the refund for good."""
        return replace(self._while_refunding(), status=PaymentStatus.COMPLETED)

    def _while_open(self) -> Self:
        if not self.status.is_open:
            raise Stale(f"the payment is {self.status}")
        return self

    def _while_refunding(self) -> Self:
        if self.status is not PaymentStatus.CANCELLING:
            raise Stale(f"the payment is {self.status}")
        return self
