from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from application.ports.catalogue import Page
from domain.ids import PaymentId, ReservationId, TicketId, UserId
from domain.money import Won
from domain.payment import Payment
from domain.point_account import PointLedgerEntry
from domain.reservation import Reservation
from domain.ticket import Ticket


class BookingView(Protocol):
    """Whose row it is stands in the row: who asks is checked by who answers. Batches answer in the order of their keys."""

    async def reservations_by_id(self, ids: Sequence[ReservationId]) -> Sequence[Reservation | None]: ...

    async def payments_by_id(self, ids: Sequence[PaymentId]) -> Sequence[Payment | None]: ...

    async def tickets_of(self, ids: Sequence[ReservationId]) -> Sequence[Sequence[Ticket]]:
        """Each reservation's live tickets, in the order of its seats."""
        ...

    async def tickets_by_id(self, ids: Sequence[TicketId]) -> Sequence[Ticket | None]: ...

    async def reservations_of(self, user_id: UserId, first: int, after: UUID | None) -> Page[Reservation]:
        """Newest first; ``after`` is the uuid of the last reservation seen."""
        ...


class PersonView(Protocol):
    async def balance(self, user_id: UserId) -> Won: ...

    async def ledger(self, user_id: UserId, first: int, after: int | None) -> Page[PointLedgerEntry]:
        """Newest first; ``after`` is the sequence of the last entry seen."""
        ...

    async def phone(self, user_id: UserId) -> str | None:
        """The number the person chose, else the one their access token brought last."""
        ...
