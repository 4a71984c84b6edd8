"""A numbered place at a performance. Who holds it stands in its row, and nowhere else."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from domain.errors import ReservationExpired, SeatsUnavailable
from domain.ids import ReservationId, SeatId
from domain.money import Won


class SeatStatus(StrEnum):
    AVAILABLE = "AVAILABLE"
    HELD = "HELD"
    SOLD = "SOLD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """``reservation_id`` and ``held_until`` are set while HELD; ``reservation_id`` stays while SOLD."""

    id: SeatId
    section: str
    row: str
    number: int
    grade: str
    price: Won
    status: SeatStatus = SeatStatus.AVAILABLE
    reservation_id: ReservationId | None = None
    held_until: datetime | None = None

    def status_at(self, now: datetime) -> SeatStatus:
        """What a fan sees: a hold that has run out is free to take, whether or not it has been swept."""
        if self.status is SeatStatus.HELD and self.held_until is not None and self.held_until <= now:
            return SeatStatus.AVAILABLE
        return self.status

    def hold(self, reservation_id: ReservationId, until: datetime) -> Self:
        if self.status is not SeatStatus.AVAILABLE:
            raise SeatsUnavailable((self.id,))
        return replace(self, status=SeatStatus.HELD, reservation_id=reservation_id, held_until=until)

    def hold_until(self, reservation_id: ReservationId, until: datetime) -> Self:
        """Another end for the hold, if it is still that reservation's."""
        if self.status is not SeatStatus.HELD or self.reservation_id != reservation_id:
            return self
        return replace(self, held_until=until)

    def confirm(self, reservation_id: ReservationId) -> Self:
        """Sold to the reservation that holds it; for any other, that hold is over: ReservationExpired."""
        if self.status is not SeatStatus.HELD or self.reservation_id != reservation_id:
            raise ReservationExpired
        return replace(self, status=SeatStatus.SOLD, held_until=None)

    def release(self, reservation_id: ReservationId) -> Self:
        """Free again, if it is still that reservation's; else it is somebody else's business."""
        if self.reservation_id != reservation_id:
            return self
        return replace(self, status=SeatStatus.AVAILABLE, reservation_id=None, held_until=None)
