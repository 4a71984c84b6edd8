"""Expected refusals, as data: each implements Error, and stands in the unions of the mutations that can be refused so."""

from datetime import datetime
from typing import TypeVar

import strawberry

from domain import errors
from domain.errors import BookingError, QueueTokenProblem, SalesClosedReason
from entrypoints.graphql import ids
from entrypoints.graphql.context import Context
from entrypoints.graphql.types.booking import Payment, Reservation, own_reservation, payment_of
from entrypoints.graphql.types.node import described
from entrypoints.graphql.wording import sentence

E = TypeVar("E", bound="Error")

described(
    SalesClosedReason,
    "Why nothing is sold.",
    ENDED="The sale is over.",
    SOLD_OUT="Every seat is sold.",
    CANCELLED="The performance was cancelled.",
    CLOSED_BY_OPERATOR="Operators have closed the sale.",
)
described(
    QueueTokenProblem,
    "What is wrong with a queue token.",
    MALFORMED="It is no queue token.",
    FORGED="Its signature is wrong.",
    EXPIRED="The time to book is over.",
    NOT_ADMITTED="Its owner has not been admitted yet.",
    WRONG_USER="It is another person's.",
    WRONG_CONCERT="It is for another concert.",
    LEFT="Its owner has left the queue.",
    USED="It was used for a payment.",
)


@strawberry.interface(description="A refusal: the rules say no, and nothing was changed.")
class Error:
    message: str = strawberry.field(description="For people, in the request's language.")
    code: str = strawberry.field(description="Stable, for programs.")
    retryable: bool = strawberry.field(description="Whether the same request may succeed later.")


def refusal(kind: type[E], refused: BookingError, context: Context, **facts: object) -> E:
    reason = facts.get("reason")
    wording = sentence(f"{refused.code}.{reason}" if reason else refused.code, context.language)
    return kind(message=wording, code=refused.code, retryable=refused.retryable, **facts)


@strawberry.type(description="Sales, or the gathering before them, have not begun.")
class SalesNotOpen(Error):
    sales_open_at: datetime = strawberry.field(description="When sales open.")


@strawberry.type(description="Nothing is sold any more.")
class SalesClosed(Error):
    reason: SalesClosedReason = strawberry.field(description="Why.")


@strawberry.type(description="There is no such concert.")
class ConcertNotFound(Error):
    pass


@strawberry.type(description="There is no such performance.")
class PerformanceNotFound(Error):
    pass


@strawberry.type(description="The queue token opens nothing here.")
class QueueTokenInvalid(Error):
    reason: QueueTokenProblem = strawberry.field(description="What is wrong with it.")


@strawberry.type(description="One hold at a time: pay it, cancel it, or let it run out.")
class HoldAlreadyOpen(Error):
    reservation: Reservation = strawberry.field(description="The hold that is open.")


@strawberry.type(description="Some of the seats are taken; none was held.")
class SeatsUnavailable(Error):
    seat_ids: list[strawberry.ID] = strawberry.field(description="The seats that are taken.")


@strawberry.type(description="More seats than one person may hold and own in this concert.")
class PurchaseLimitExceeded(Error):
    limit: int = strawberry.field(description="The concert's purchase limit.")
    remaining: int = strawberry.field(description="How many seats this person may still take.")


@strawberry.type(description="There is no such reservation of this person.")
class ReservationNotFound(Error):
    pass


@strawberry.type(description="The hold has run out, or has ended.")
class ReservationExpired(Error):
    pass


@strawberry.type(description="The reservation is paid.")
class ReservationAlreadyPaid(Error):
    payment: Payment = strawberry.field(description="The payment that stands.")


@strawberry.type(description="It is too late to cancel, or there is nothing to cancel.")
class NotCancellable(Error):
    pass


@strawberry.type(description="The points do not suffice; nothing was deducted.")
class InsufficientPoints(Error):
    balance: int = strawberry.field(description="In won.")
    required: int = strawberry.field(description="In won.")


@strawberry.type(description="The card company said no.")
class PaymentDeclined(Error):
    decline_code: str = strawberry.field(description="The gateway's word for it.")


@strawberry.type(description="The tickets could not be issued.")
class TicketIssuanceFailed(Error):
    refunded: bool = strawberry.field(description="Whether the money is back already.")


@strawberry.type(description="Too small or too large an amount.")
class InvalidAmount(Error):
    minimum: int = strawberry.field(description="In won.")
    maximum: int = strawberry.field(description="In won.")


@strawberry.type(description="The same key with another input. Concurrent duplicates wait for the first and get its answer.")
class IdempotencyConflict(Error):
    pass


@strawberry.type(description="Not now: nothing was changed, or it is not known yet; the same request with the same key is safe to repeat.")
class ServiceUnavailable(Error):
    retry_after_seconds: int = strawberry.field(description="When to ask again.")


async def hold_already_open(refused: errors.HoldAlreadyOpen, context: Context) -> HoldAlreadyOpen:
    return refusal(HoldAlreadyOpen, refused, context, reservation=await own_reservation(context, refused.reservation_id))


async def reservation_already_paid(refused: errors.ReservationAlreadyPaid, context: Context) -> ReservationAlreadyPaid | None:
    payment = await payment_of(context, context.person().user_id, refused.payment_id)
    return None if payment is None else refusal(ReservationAlreadyPaid, refused, context, payment=payment)


def seats_unavailable(refused: errors.SeatsUnavailable, context: Context) -> SeatsUnavailable:
    return refusal(SeatsUnavailable, refused, context, seat_ids=[ids.node_id(seat_id) for seat_id in refused.seat_ids])
