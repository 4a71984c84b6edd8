"""What can go wrong, and whose turn it is then.

ConcertError
├── BookingError                a refusal: the rules say no; data for the client, nothing was changed
│   ├── SalesNotOpen            SalesClosed            ConcertNotFound         PerformanceNotFound
│   ├── QueueTokenInvalid       HoldAlreadyOpen        SeatsUnavailable        PurchaseLimitExceeded
│   ├── ReservationNotFound     ReservationExpired     ReservationAlreadyPaid  NotCancellable
│   ├── InsufficientPoints      PaymentDeclined        TicketIssuanceFailed    InvalidAmount
│   ├── PaymentPending          TopUpPending           RefundPending           IdempotencyConflict
│   └── ServiceUnavailable      the budget of retries is spent, or the house is full
├── TransientError              a fault: trying again may help; names the step it happened in
│   ├── NotCommitted            nothing was changed
│   │   └── AlreadyThere        a row that was to be added is there already
│   ├── OutcomeUnknown          the COMMIT left, its answer did not come back: look before doing it again
│   ├── Stale                   what a look-up had found moved before it was locked: look up anew
│   ├── StoreUnavailable        a database read failed
│   ├── QueueUnavailable        the waiting queue's store is away
│   ├── BrokerUnavailable       the message broker is away, or does not answer in time
│   ├── GatewayUnavailable      the payment gateway cannot be asked
│   ├── ChannelUnavailable      a notification provider is away, or does not answer in time
│   │   ├── ChannelPaused       nothing was sent: the provider is left alone for a while
│   │   └── ChannelThrottled    the provider has said that we ask too often
│   ├── CircuitOpen             nothing was called: what it calls has kept failing
│   └── RateLimited             nothing was called: it would have been too often
└── NotNeeded                   a mistake in the code: a row was read that the transaction had not named
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from domain.ids import PaymentId, ReservationId, SeatId, TopUpId
from domain.money import Won


class ConcertError(Exception):
    """The root of everything this system raises on purpose."""


class BookingError(ConcertError):
    """A refusal. Carries facts, not sentences; the edge words them in the reader's language."""

    code: ClassVar[str]
    retryable: ClassVar[bool] = False


class SalesClosedReason(StrEnum):
    ENDED = "ENDED"
    SOLD_OUT = "SOLD_OUT"
    CANCELLED = "CANCELLED"
    CLOSED_BY_OPERATOR = "CLOSED_BY_OPERATOR"


class QueueTokenProblem(StrEnum):
    MALFORMED = "MALFORMED"
    FORGED = "FORGED"
    EXPIRED = "EXPIRED"
    NOT_ADMITTED = "NOT_ADMITTED"
    WRONG_USER = "WRONG_USER"
    WRONG_CONCERT = "WRONG_CONCERT"
    LEFT = "LEFT"
    USED = "USED"


@dataclass(eq=False)
class SalesNotOpen(BookingError):
    code = "SALES_NOT_OPEN"
    retryable = True
    sales_open_at: datetime


@dataclass(eq=False)
class SalesClosed(BookingError):
    code = "SALES_CLOSED"
    reason: SalesClosedReason


class ConcertNotFound(BookingError):
    code = "CONCERT_NOT_FOUND"


class PerformanceNotFound(BookingError):
    code = "PERFORMANCE_NOT_FOUND"


@dataclass(eq=False)
class QueueTokenInvalid(BookingError):
    code = "QUEUE_TOKEN_INVALID"
    reason: QueueTokenProblem


@dataclass(eq=False)
class HoldAlreadyOpen(BookingError):
    code = "HOLD_ALREADY_OPEN"
    reservation_id: ReservationId


@dataclass(eq=False)
class SeatsUnavailable(BookingError):
    code = "SEATS_UNAVAILABLE"
    retryable = True
    seat_ids: tuple[SeatId, ...]


@dataclass(eq=False)
class PurchaseLimitExceeded(BookingError):
    code = "PURCHASE_LIMIT_EXCEEDED"
    limit: int
    remaining: int


class ReservationNotFound(BookingError):
    code = "RESERVATION_NOT_FOUND"


class ReservationExpired(BookingError):
    code = "RESERVATION_EXPIRED"


@dataclass(eq=False)
class ReservationAlreadyPaid(BookingError):
    code = "RESERVATION_ALREADY_PAID"
    payment_id: PaymentId


class NotCancellable(BookingError):
    code = "NOT_CANCELLABLE"


@dataclass(eq=False)
class InsufficientPoints(BookingError):
    code = "INSUFFICIENT_POINTS"
    balance: Won
    required: Won


@dataclass(eq=False)
class PaymentDeclined(BookingError):
    code = "PAYMENT_DECLINED"
    decline_code: str


@dataclass(eq=False)
class PaymentPending(BookingError):
    """The payment's end is not known yet. Raised only where its row has been read."""

    code = "PAYMENT_PENDING"
    retryable = True
    payment_id: PaymentId
    retry_after_seconds: int


@dataclass(eq=False)
class TopUpPending(BookingError):
    """The top-up's end is not known yet. Raised only where its row has been read."""

    code = "PAYMENT_PENDING"
    retryable = True
    top_up_id: TopUpId
    retry_after_seconds: int


@dataclass(eq=False)
class RefundPending(BookingError):
    code = "REFUND_PENDING"
    retryable = True
    payment_id: PaymentId
    retry_after_seconds: int


@dataclass(eq=False)
class TicketIssuanceFailed(BookingError):
    code = "TICKET_ISSUANCE_FAILED"
    retryable = True
    refunded: bool


@dataclass(eq=False)
class InvalidAmount(BookingError):
    code = "INVALID_AMOUNT"
    minimum: Won
    maximum: Won


class IdempotencyConflict(BookingError):
    code = "IDEMPOTENCY_CONFLICT"


@dataclass(eq=False)
class ServiceUnavailable(BookingError):
    code = "SERVICE_UNAVAILABLE"
    retryable = True
    retry_after_seconds: int = 1


class Step(StrEnum):
    """The steps that own a budget of retries; a fault names the one it happened in."""

    PAYMENT = "payment"
    TICKET_ISSUANCE = "ticket_issuance"
    POINT_DEDUCTION = "point_deduction"
    TOKEN_EXPIRY = "token_expiry"
    OUTBOX = "outbox"
    NOTIFICATION = "notification"


class TransientError(ConcertError):
    """A fault that may be gone at the next try. ``shortage``: there was too little of something, not a thing broken."""

    def __init__(self, detail: str = "", *, step: Step | None = None, shortage: bool = False) -> None:
        super().__init__(detail)
        self.step = step
        self.shortage = shortage


class NotCommitted(TransientError):
    """Nothing was changed: deadlock, lock wait, a connection lost before the COMMIT left."""


class AlreadyThere(NotCommitted):
    """A row that was to be added is there: where nobody else is at it just now, the next try meets it again."""


class OutcomeUnknown(TransientError):
    """The COMMIT was sent and no answer came: the retry must look first, under lock."""


class Stale(TransientError):
    """What was found without a lock is no longer so: look it up anew."""


class StoreUnavailable(TransientError):
    """A read of the database failed."""


class QueueUnavailable(TransientError):
    """The waiting queue's store does not answer; nobody loses a place by that."""


class BrokerUnavailable(TransientError):
    """The broker as a whole is away: pause, and spend no message's try on it."""


class GatewayUnavailable(TransientError):
    """The payment gateway could not be asked; what it has done is not known."""


class ChannelUnavailable(TransientError):
    """A notification provider did not take the message, or its answer is not known."""


class ChannelPaused(ChannelUnavailable):
    """No byte has left, and none shall for ``retry_after`` seconds. It decides nothing about the message."""

    def __init__(self, detail: str, *, retry_after: float) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class ChannelThrottled(ChannelUnavailable):
    """The provider took nothing, since we ask too often. ``retry_after``: seconds, where it said so."""

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class CircuitOpen(TransientError):
    """The call was not made, because those before it kept failing. ``retry_after``: seconds."""

    def __init__(self, name: str, *, retry_after: float) -> None:
        super().__init__(name)
        self.name = name
        self.retry_after = retry_after


class RateLimited(TransientError):
    """The call was not made, because it is not its turn for ``retry_after`` seconds."""

    def __init__(self, name: str, *, retry_after: float) -> None:
        super().__init__(name)
        self.name = name
        self.retry_after = retry_after


class NotNeeded(ConcertError):
    """A row was asked for that ``needs()`` had not named: a mistake in the code."""
