"""A ticket: what a paid seat is proved with."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from domain.ids import PaymentId, ReservationId, SeatId, TicketId, UserId, derived_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Live tickets are unique per seat; a voided one does not stand in the way of a resale."""

    id: TicketId
    seat_id: SeatId
    reservation_id: ReservationId
    payment_id: PaymentId
    user_id: UserId
    issued_at: datetime
    live: bool = True

    @classmethod
    def issue(cls, payment_id: PaymentId, reservation_id: ReservationId, user_id: UserId, seat_id: SeatId, now: datetime) -> Self:
        """The same payment and seat give the same ticket, however often it is issued."""
        return cls(
            id=ticket_id(payment_id, seat_id),
            seat_id=seat_id,
            reservation_id=reservation_id,
            payment_id=payment_id,
            user_id=user_id,
            issued_at=now,
        )

    def void(self) -> Self:
        return replace(self, live=False)

    def revive(self) -> Self:
        """The refund that had voided it was refused."""
        return replace(self, live=True)


def ticket_id(payment_id: PaymentId, seat_id: SeatId) -> TicketId:
    return TicketId(payment_id.concert_id, payment_id.performance, derived_id(payment_id.payment, "ticket", seat_id.seat))
