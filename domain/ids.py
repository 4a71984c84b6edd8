"""Identifiers.

Every id of a booking names its concert first, and ids of reservations, payments and tickets name their performance
too, so that a transaction can say which rows it will lock before it has read anything, and so that each statement
goes to one shard.
"""

from hashlib import blake2b
from typing import NamedTuple, NewType
from uuid import UUID, uuid5

ConcertId = NewType("ConcertId", UUID)
UserId = NewType("UserId", UUID)
MessageId = NewType("MessageId", UUID)
NotificationId = NewType("NotificationId", UUID)
DeadLetterId = NewType("DeadLetterId", UUID)
LedgerEntryId = NewType("LedgerEntryId", UUID)

ISSUERS = UUID("5a3c1d52-6f0e-5b0a-9c5e-0f6f1f1f6a11")
"""The namespace under which the issuers of access tokens are named."""


class PerformanceId(NamedTuple):
    concert_id: ConcertId
    performance: UUID


class SeatId(NamedTuple):
    concert_id: ConcertId
    performance: UUID
    seat: UUID

    @property
    def performance_id(self) -> PerformanceId:
        return PerformanceId(self.concert_id, self.performance)


class BuyerId(NamedTuple):
    concert_id: ConcertId
    user_id: UserId


class ReservationId(NamedTuple):
    concert_id: ConcertId
    performance: UUID
    reservation: UUID

    @property
    def performance_id(self) -> PerformanceId:
        return PerformanceId(self.concert_id, self.performance)


class PaymentId(NamedTuple):
    concert_id: ConcertId
    performance: UUID
    payment: UUID

    @property
    def performance_id(self) -> PerformanceId:
        return PerformanceId(self.concert_id, self.performance)


class TopUpId(NamedTuple):
    user_id: UserId
    top_up: UUID


class TicketId(NamedTuple):
    concert_id: ConcertId
    performance: UUID
    ticket: UUID


def derived_id(source: UUID, purpose: str, part: UUID | None = None) -> UUID:
    """The same id each time it is asked for, so that a repeat of the work makes the same rows, not more of them."""
    digest = blake2b(source.bytes + purpose.encode() + (part.bytes if part else b""), digest_size=16).digest()
    return UUID(bytes=digest)


def user_id_of(issuer: str, subject: str) -> UserId:
    """A person is known by who vouches for them and by what name: UUIDv5 of both."""
    return UserId(uuid5(uuid5(ISSUERS, issuer), subject))
