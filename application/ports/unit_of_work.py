"""The unit of work: a transaction is two plain functions, and somebody else's business how they reach the disk."""

from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import UUID

from application.work import Work
from domain.gateway_errand import ErrandId
from domain.idempotency import IdempotencyKey
from domain.ids import (
    BuyerId,
    ConcertId,
    MessageId,
    PaymentId,
    PerformanceId,
    ReservationId,
    SeatId,
    TicketId,
    TopUpId,
    UserId,
)
from domain.payment_order import OrderKey

ResultT = TypeVar("ResultT")
ResultT_co = TypeVar("ResultT_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """The rows a transaction decides by, named before anything is read.

    All are locked FOR UPDATE but those called ``shared_…``, which are locked FOR SHARE: relied on, not changed. Kinds
    are locked in the order in which they stand here, keys sorted within a kind. A reservation brings its seats along.
    ``shard`` is the concert (or, for what belongs to a person alone, the person): transactions of one shard may share
    a commit.
    """

    shard: UUID
    queues: tuple[ConcertId, ...] = ()
    shared_queues: tuple[ConcertId, ...] = ()
    performances: tuple[PerformanceId, ...] = ()
    shared_performances: tuple[PerformanceId, ...] = ()
    buyers: tuple[BuyerId, ...] = ()
    reservations: tuple[ReservationId, ...] = ()
    seats: tuple[SeatId, ...] = ()
    point_accounts: tuple[UserId, ...] = ()
    payments: tuple[PaymentId, ...] = ()
    tickets: tuple[TicketId, ...] = ()
    idempotency: tuple[IdempotencyKey, ...] = ()
    inbox: tuple[MessageId, ...] = ()
    handled_keys: tuple[UUID, ...] = ()
    contacts: tuple[UserId, ...] = ()
    orders: tuple[OrderKey, ...] = ()
    top_ups: tuple[TopUpId, ...] = ()
    errands: tuple[ErrandId, ...] = ()


class Transaction(Protocol[ResultT_co]):
    """Neither function can wait for anything, so no remote call can stand inside a transaction."""

    def needs(self) -> Needs: ...

    def decide(self, work: Work) -> ResultT_co: ...


class UnitOfWork(Protocol):
    async def run(self, transaction: Transaction[ResultT]) -> ResultT:
        """Lock what it needs, let it decide, commit.

        ``decide`` may be called more than once, each time on fresh rows; only the last call's changes are committed.
        Raises what ``decide`` raised (its changes are dropped), NotCommitted (nothing was changed), OutcomeUnknown
        (the COMMIT left, its answer did not come back), or ServiceUnavailable (too many transactions wait).
        """
        ...
