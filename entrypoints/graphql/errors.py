"""How what went wrong reaches the client.

Refusals become members of the mutation's result union, where the union lists them: one table says which is which. What
no union lists becomes an entry of ``errors`` with a code; anything unknown is masked, logged and counted.
"""

import logging
from collections.abc import Callable
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import MaskErrors
from strawberry.types.field import StrawberryField

from application.booking.prepare_payment import CardPartTooSmall
from application.failures import EDGE, count_failure, kind_of, note_failure
from domain import errors
from domain.contact import NotAPhoneNumber
from domain.errors import BookingError, TransientError
from entrypoints.graphql.context import Context
from entrypoints.graphql.problems import Problem
from entrypoints.graphql.types import refusals, results
from entrypoints.graphql.types.booking import payment_of
from entrypoints.graphql.types.refusals import refusal
from entrypoints.graphql.wording import sentence

log = logging.getLogger(__name__)

Shown = Callable[[Any, Context], Any]


class Refused:
    """Shows one kind of exception as one type of the unions that have it (a ``strawberry.ExceptionHandler``)."""

    def __init__(self, exception_type: type[Exception], error_type: type, shown: Shown) -> None:
        self.exception_type = exception_type
        self.error_type = error_type
        self._shown = shown

    def handle(self, exception: Exception, *, field: StrawberryField, info: strawberry.Info[Context, Any]) -> Any:
        return self._shown(exception, info.context)


def _plain(kind: type[refusals.Error], *facts: str) -> Shown:
    """The facts of the exception, under the same names."""
    return lambda refused, context: refusal(kind, refused, context, **{fact: getattr(refused, fact) for fact in facts})


def _pending(kind: Callable[..., Any]) -> Shown:
    async def shown(refused: errors.PaymentPending | errors.RefundPending, context: Context) -> Any:
        payment = await payment_of(context, context.person().user_id, refused.payment_id)
        return None if payment is None else kind(payment=payment, retry_after_seconds=refused.retry_after_seconds)

    return shown


async def _top_up_pending(refused: errors.TopUpPending, context: Context) -> Any:
    payment = await payment_of(context, context.person().user_id, refused.top_up_id)
    return None if payment is None else results.PaymentPending(payment=payment, retry_after_seconds=refused.retry_after_seconds)


def _not_now(fault: TransientError, context: Context) -> refusals.ServiceUnavailable:
    """A fault that no budget of retries stood around."""
    note_failure(context.services.metrics, EDGE, fault)
    unavailable = errors.ServiceUnavailable()
    return refusal(refusals.ServiceUnavailable, unavailable, context, retry_after_seconds=unavailable.retry_after_seconds)


REFUSALS: tuple[Refused, ...] = (
    Refused(errors.SalesNotOpen, refusals.SalesNotOpen, _plain(refusals.SalesNotOpen, "sales_open_at")),
    Refused(errors.SalesClosed, refusals.SalesClosed, _plain(refusals.SalesClosed, "reason")),
    Refused(errors.ConcertNotFound, refusals.ConcertNotFound, _plain(refusals.ConcertNotFound)),
    Refused(errors.PerformanceNotFound, refusals.PerformanceNotFound, _plain(refusals.PerformanceNotFound)),
    Refused(errors.QueueTokenInvalid, refusals.QueueTokenInvalid, _plain(refusals.QueueTokenInvalid, "reason")),
    Refused(errors.HoldAlreadyOpen, refusals.HoldAlreadyOpen, refusals.hold_already_open),
    Refused(errors.SeatsUnavailable, refusals.SeatsUnavailable, refusals.seats_unavailable),
    Refused(errors.PurchaseLimitExceeded, refusals.PurchaseLimitExceeded, _plain(refusals.PurchaseLimitExceeded, "limit", "remaining")),
    Refused(errors.ReservationNotFound, refusals.ReservationNotFound, _plain(refusals.ReservationNotFound)),
    Refused(errors.ReservationExpired, refusals.ReservationExpired, _plain(refusals.ReservationExpired)),
    Refused(errors.ReservationAlreadyPaid, refusals.ReservationAlreadyPaid, refusals.reservation_already_paid),
    Refused(errors.NotCancellable, refusals.NotCancellable, _plain(refusals.NotCancellable)),
    Refused(errors.InsufficientPoints, refusals.InsufficientPoints, _plain(refusals.InsufficientPoints, "balance", "required")),
    Refused(errors.PaymentDeclined, refusals.PaymentDeclined, _plain(refusals.PaymentDeclined, "decline_code")),
    Refused(errors.PaymentPending, results.PaymentPending, _pending(results.PaymentPending)),
    Refused(errors.TopUpPending, results.PaymentPending, _top_up_pending),
    Refused(errors.RefundPending, results.RefundPending, _pending(results.RefundPending)),
    Refused(errors.TicketIssuanceFailed, refusals.TicketIssuanceFailed, _plain(refusals.TicketIssuanceFailed, "refunded")),
    Refused(errors.InvalidAmount, refusals.InvalidAmount, _plain(refusals.InvalidAmount, "minimum", "maximum")),
    Refused(errors.IdempotencyConflict, refusals.IdempotencyConflict, _plain(refusals.IdempotencyConflict)),
    Refused(errors.ServiceUnavailable, refusals.ServiceUnavailable, _plain(refusals.ServiceUnavailable, "retry_after_seconds")),
    Refused(TransientError, refusals.ServiceUnavailable, _not_now),
)


class CodedErrors(MaskErrors):
    """Every entry of ``errors`` has a code; nothing of an unknown fault but its correlation id reaches the client."""

    def _process_errors(self, errors: list[GraphQLError]) -> list[GraphQLError]:
        context = self.execution_context.context
        return [coded(error, context) for error in errors]


def coded(error: GraphQLError, context: Context) -> GraphQLError:
    if error.extensions and error.extensions.get("code"):
        return error
    message, extensions = _told(error, context)
    return GraphQLError(message, nodes=error.nodes, source=error.source, positions=error.positions, path=error.path, extensions=extensions)


def _told(error: GraphQLError, context: Context) -> tuple[str, dict[str, Any]]:
    match error.original_error:
        case None:
            return error.message, {"code": "BAD_INPUT"}
        case GraphQLError() as misfit if misfit.nodes or error.path is None:
            return error.message, {"code": "BAD_INPUT"}
        case Problem() as problem:
            return str(problem), {"code": problem.code, **problem.extensions}
        case CardPartTooSmall():
            return "pointsToUse: leaves less than 100 won for the card", {"code": "BAD_INPUT", "argument": "pointsToUse"}
        case NotAPhoneNumber():
            return "phone: should be a Korean mobile number", {"code": "BAD_INPUT", "argument": "phone"}
        case errors.QueueTokenInvalid(reason=reason):
            return sentence(f"QUEUE_TOKEN_INVALID.{reason}", context.language), {"code": "QUEUE_TOKEN_INVALID", "reason": reason}
        case errors.ServiceUnavailable(retry_after_seconds=seconds):
            return sentence("OVERLOADED", context.language), {"code": "OVERLOADED", "retryAfterSeconds": seconds}
        case TransientError() as fault:
            note_failure(context.services.metrics, EDGE, fault)
            return sentence("OVERLOADED", context.language), {"code": "OVERLOADED", "retryAfterSeconds": 1}
        case errors.ConcertNotFound() | errors.PerformanceNotFound() | errors.ReservationNotFound() as missing:
            return sentence(missing.code, context.language), {"code": "NOT_FOUND"}
        case unknown:
            return _masked(unknown, error, context)


def _masked(unknown: BaseException, error: GraphQLError, context: Context) -> tuple[str, dict[str, Any]]:
    kind = type(unknown).__name__
    known = isinstance(unknown, BookingError)
    extra = {"kind": kind, "correlation_id": context.correlation_id, "path": [key for key in error.path or () if isinstance(key, str)]}
    log.error("a refusal that its union does not list was masked" if known else "a fault was masked", extra=extra, exc_info=unknown)
    context.services.metrics.count("concert_internal_errors_total", kind=kind)
    count_failure(context.services.metrics, EDGE, kind_of(unknown))
    return sentence("INTERNAL", context.language), {"code": "INTERNAL", "correlationId": context.correlation_id}
