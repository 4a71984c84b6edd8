from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.ids import PerformanceId
from domain.reservation import Reservation


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundProgress:
    """Reservations of a cancelled performance: not begun, with the gateway, handed to a person, and done."""

    left: int
    refunding: int
    manual: int
    done: int


class PerformanceRefunds(Protocol):
    """What is still to be given back for performances that were cancelled. The performance's own row is the saga's record."""

    async def unfinished(self, limit: int) -> Sequence[PerformanceId]:
        """CANCELLED performances that still have a PENDING or CONFIRMED reservation."""
        ...

    async def reservations_to_refund(self, performance_id: PerformanceId, limit: int) -> Sequence[Reservation]:
        """PENDING and CONFIRMED, those without an open payment first, then by id."""
        ...

    async def progress(self, performance_id: PerformanceId) -> RefundProgress: ...
