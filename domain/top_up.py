"""A top-up: points bought by card. One attempt, like a payment, and owned by a person instead of a concert."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from domain.errors import InvalidAmount, Stale
from domain.ids import TopUpId
from domain.money import Won
from domain.payment import PaymentStatus

SMALLEST_TOP_UP = Won(1_000)
LARGEST_TOP_UP = Won(1_000_000)


def ensure_top_up_amount(amount: int) -> Won:
    """1,000 to 1,000,000 won a time, or InvalidAmount."""
    if not SMALLEST_TOP_UP <= amount <= LARGEST_TOP_UP:
        raise InvalidAmount(SMALLEST_TOP_UP, LARGEST_TOP_UP)
    return Won(amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUp:
    id: TopUpId
    amount: Won
    status: PaymentStatus
    order_id: str
    payment_key: str = field(repr=False)
    requested_at: datetime
    completed_at: datetime | None = None
    decline_code: str | None = None

    def complete(self, now: datetime) -> Self:
        """Paid is paid, also where it had been given up too soon."""
        attempt = self if self.status is PaymentStatus.FAILED else self._while_open()
        return replace(attempt, status=PaymentStatus.COMPLETED, completed_at=now)

    def doubt(self) -> Self:
        return replace(self._while_open(), status=PaymentStatus.IN_DOUBT)

    def fail(self, decline_code: str) -> Self:
        return replace(self._while_open(), status=PaymentStatus.FAILED, decline_code=decline_code)

    def _while_open(self) -> Self:
        if not self.status.is_open:
            raise Stale(f"the top-up is {self.status}")
        return self
