"""The card gateway, as the core sees it: classes of answers, and proof."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from domain.money import Won

CURRENCY = "KRW"


class GatewayStatus(StrEnum):
    """Where a payment stands at the gateway. OPEN: it may still go either way."""

    OPEN = "OPEN"
    DONE = "DONE"
    ABORTED = "ABORTED"
    EXPIRED = "EXPIRED"
    CANCELED = "CANCELED"
    PARTIAL_CANCELED = "PARTIAL_CANCELED"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayPayment:
    """A payment as the gateway states it. It proves something only for an attempt whose every fact is equal."""

    order_id: str
    payment_key: str = field(repr=False)
    status: GatewayStatus
    amount: Won
    currency: str
    cancelled_amount: Won
    failure_code: str | None = None


class AnswerClass(StrEnum):
    """What an answer to ``confirm`` or ``cancel`` amounts to; never read off an HTTP status alone."""

    STATED = "STATED"
    """The gateway states the payment: look at it."""
    ALREADY_PROCESSED = "ALREADY_PROCESSED"
    """An earlier request did it, it says: look it up before believing it."""
    RETRY_SAME_KEY = "RETRY_SAME_KEY"
    """Nothing left us, or the first request still runs: the same request again, under the same key."""
    RETRY_LATER = "RETRY_LATER"
    """Too many requests, or maintenance: the same request again, after a delay."""
    UNKNOWN = "UNKNOWN"
    """It may have been done: only a look-up tells."""
    DECLINED = "DECLINED"
    """A final no to this card, this time."""
    SESSION_EXPIRED = "SESSION_EXPIRED"
    """The gateway has forgotten the checkout: a new order is needed."""
    REFUSED_FOR_GOOD = "REFUSED_FOR_GOOD"
    """A final no to a cancellation: a person has to look at it."""
    OUR_FAULT = "OUR_FAULT"
    """Keys, configuration or a malformed request: trying again cannot help, operators are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayAnswer:
    """``payment`` with STATED only; ``code`` is the gateway's own; ``retry_after`` in seconds where it said so.

    ``fault``: the gateway, or the way to it, is unwell (no connection, no answer in time, 5xx, too many requests): what a
    circuit breaker counts. A refusal is none. ``left`` false: not one byte of the request has left, nor was it tried.
    """

    kind: AnswerClass
    payment: GatewayPayment | None = None
    code: str | None = None
    retry_after: float | None = None
    fault: bool = False
    left: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmRequest:
    order_id: str
    payment_key: str = field(repr=False)
    amount: Won
    idempotency_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequest:
    """One full refund of the card's part."""

    order_id: str
    payment_key: str = field(repr=False)
    amount: Won
    reason: str
    idempotency_key: str


class PaymentGateway(Protocol):
    """Every call has a connect, a read and a total deadline; none raises for what the network or the gateway does."""

    async def confirm(self, request: ConfirmRequest) -> GatewayAnswer: ...

    async def cancel(self, request: CancelRequest) -> GatewayAnswer: ...

    async def look_up(self, order_id: str) -> GatewayPayment | None:
        """None: the gateway knows no payment of this order, which is not final while a request may still be under way.

        Raises GatewayUnavailable when it cannot be asked; any number of callers asking for one order share one request, so
        the answer may be as old as the deadline of a look-up.
        """
        ...
