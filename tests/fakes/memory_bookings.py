"""What booking and settling look up in a database in memory."""

from collections.abc import Sequence
from datetime import datetime

from domain.ids import BuyerId, PaymentId, ReservationId, SeatId
from domain.payment import Payment
from domain.reservation import Reservation
from tests.fakes.memory_unit_of_work import MemoryUnitOfWork


class MemoryBookings:
    """SeatHolders, and of a BookingView what is found by its id."""

    def __init__(self, database: MemoryUnitOfWork) -> None:
        self._database = database

    async def payments_by_id(self, ids: Sequence[PaymentId]) -> Sequence[Payment | None]:
        return [self._database.kind("payments").get(payment_id) for payment_id in ids]

    async def reservations_by_id(self, ids: Sequence[ReservationId]) -> Sequence[Reservation | None]:
        return [self._database.kind("reservations").get(reservation_id) for reservation_id in ids]

    async def reservation(self, reservation_id: ReservationId) -> Reservation | None:
        [found] = await self.reservations_by_id([reservation_id])
        return found

    async def overdue_on(self, seat_ids: Sequence[SeatId], now: datetime) -> Sequence[Reservation]:
        every = await self.overdue(now, len(self._database.kind("reservations")))
        return [found for found in every if not set(seat_ids).isdisjoint(found.seat_ids)]

    async def overdue(self, now: datetime, limit: int) -> Sequence[Reservation]:
        overdue = [found for found in self._database.kind("reservations").values() if found.is_overdue(now)]
        return sorted(overdue, key=lambda found: found.expires_at)[:limit]

    async def open_hold(self, buyer_id: BuyerId) -> Reservation | None:
        buyer = self._database.kind("buyers").get(buyer_id)
        return None if buyer is None or buyer.open_reservation_id is None else await self.reservation(buyer.open_reservation_id)
