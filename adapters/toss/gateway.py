"""Toss Payments, core API v1."""

import re
from dataclasses import dataclass

import httpx

from adapters.toss.answers import CANCEL, CONFIRM, answer, code_of
from adapters.toss.client import TossClient
from adapters.toss.payments import Unreadable, read_payment
from adapters.toss.replies import NoReply, Reply
from application.ports.payment_gateway import AnswerClass, CancelRequest, ConfirmRequest, GatewayAnswer, GatewayPayment
from application.single_flight import FlightCancelled, SingleFlight
from domain.errors import GatewayUnavailable

LONGEST_REASON = 200
NOT_FOUND = 404
UNKNOWN_ORDER = ("NOT_FOUND_PAYMENT", "NOT_FOUND_PAYMENT_SESSION")
_ORDER_ID = re.compile(r"[A-Za-z0-9_-]{6,64}")
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,300}")
# It becomes a part of the address, and comes from the client: no slashes, and nothing that is only dots.
_PAYMENT_KEY = re.compile(r"(?!\.+$)[A-Za-z0-9_=.-]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unanswered:
    reason: str
    cause: Exception | None = None


class TossPaymentGateway:
    """A PaymentGateway. Call ``close`` in the end.

    Nothing is repeated down here. Look-ups have connections of their own, so that confirms which hang do not keep
    anyone from finding out about them.
    """

    def __init__(
        self,
        url: str,
        secret_key: str,
        *,
        connect_seconds: float = 3.0,
        read_seconds: float = 60.0,
        total_seconds: float = 65.0,
        look_up_seconds: float = 10.0,
        connections: int = 64,
        look_up_connections: int = 16,
    ) -> None:
        """``url`` without the ``/v1``. Raises ValueError for a secret key that cannot be one."""
        tls = httpx.create_ssl_context(trust_env=False)
        self._commands = TossClient(
            url,
            secret_key,
            tls=tls,
            connect_seconds=connect_seconds,
            read_seconds=read_seconds,
            total_seconds=total_seconds,
            connections=connections,
        )
        self._questions = TossClient(
            url,
            secret_key,
            tls=tls,
            connect_seconds=min(connect_seconds, look_up_seconds),
            read_seconds=look_up_seconds,
            total_seconds=look_up_seconds,
            connections=look_up_connections,
        )
        self._look_ups: SingleFlight[GatewayPayment | _Unanswered | None] = SingleFlight()

    async def confirm(self, request: ConfirmRequest) -> GatewayAnswer:
        """What the gateway would refuse for its form is answered for it, and does not leave."""
        if not _PAYMENT_KEY.fullmatch(request.payment_key):
            return GatewayAnswer(kind=AnswerClass.SESSION_EXPIRED, code="INVALID_PAYMENT_KEY")
        if (fault := _fault_of(request)) is not None:
            return fault
        body = {"paymentKey": request.payment_key, "orderId": request.order_id, "amount": request.amount}
        return answer(await self._commands.post("/v1/payments/confirm", body, request.idempotency_key), CONFIRM)

    async def cancel(self, request: CancelRequest) -> GatewayAnswer:
        if not _PAYMENT_KEY.fullmatch(request.payment_key):
            return GatewayAnswer(kind=AnswerClass.OUR_FAULT, code="INVALID_PAYMENT_KEY")
        if (fault := _fault_of(request)) is not None:
            return fault
        body = {"cancelReason": request.reason[:LONGEST_REASON], "cancelAmount": request.amount}
        return answer(await self._commands.post(f"/v1/payments/{request.payment_key}/cancel", body, request.idempotency_key), CANCEL)

    async def look_up(self, order_id: str) -> GatewayPayment | None:
        if not _ORDER_ID.fullmatch(order_id):
            return None
        try:
            found = await self._look_ups(order_id, lambda: self._ask(order_id))
        except FlightCancelled as closed:
            raise GatewayUnavailable("closed") from closed
        if isinstance(found, _Unanswered):
            raise GatewayUnavailable(found.reason) from found.cause
        return found

    async def close(self) -> None:
        await self._look_ups.close()
        await self._commands.close()
        await self._questions.close()

    async def _ask(self, order_id: str) -> GatewayPayment | _Unanswered | None:
        reply = await self._questions.get(f"/v1/payments/orders/{order_id}")
        if isinstance(reply, NoReply):
            return _Unanswered(reason=reply.reason, cause=reply.cause)
        return _found(reply)


def _fault_of(request: ConfirmRequest | CancelRequest) -> GatewayAnswer | None:
    if not _ORDER_ID.fullmatch(request.order_id):
        return GatewayAnswer(kind=AnswerClass.OUR_FAULT, code="INVALID_ORDER_ID")
    if not _IDEMPOTENCY_KEY.fullmatch(request.idempotency_key):
        return GatewayAnswer(kind=AnswerClass.OUR_FAULT, code="INVALID_IDEMPOTENCY_KEY")
    return None


def _found(reply: Reply) -> GatewayPayment | _Unanswered | None:
    """Only the gateway's own words for it mean that there is none: any proxy can say 404."""
    if reply.status == NOT_FOUND and code_of(reply) in UNKNOWN_ORDER:
        return None
    if not 200 <= reply.status < 300:
        return _Unanswered(reason=code_of(reply) or f"HTTP {reply.status}")
    try:
        return read_payment(reply.content)
    except Unreadable as wrong_shape:
        return _Unanswered(reason=f"unreadable: {wrong_shape}", cause=wrong_shape)
