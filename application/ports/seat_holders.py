from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from domain.ids import BuyerId, ReservationId, SeatId
from domain.reservation import Reservation


class SeatHolders(Protocol):
    """Look-ups without locks of who holds what; what they say is checked again under lock."""

    async def overdue_on(self, seat_ids: Sequence[SeatId], now: datetime) -> Sequence[Reservation]:
        """The reservations whose hold on one of these seats has run out but was not swept yet."""
        ...

    async def overdue(self, now: datetime, limit: int) -> Sequence[Reservation]:
        """PENDING reservations past their end, oldest first, at most ``limit``, over all concerts."""
        ...

    async def open_hold(self, buyer_id: BuyerId) -> Reservation | None:
        """The reservation that this buyer's row names as open."""
        ...

    async def reservation(self, reservation_id: ReservationId) -> Reservation | None: ...
