"""The simulated gateway's own API, ``/v1/payments``."""

import asyncio
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from entrypoints.simulators.toss_books import Books, Page
from entrypoints.simulators.toss_errors import STATUS_OF, Refused, error
from entrypoints.simulators.toss_faults import TossFault, TossFaultKind, TossFaults, TossOperation, instead_of_processing, instead_of_reply
from entrypoints.simulators.toss_payment import Payment, as_json, cancel, confirm
from entrypoints.simulators.toss_webhook_sender import WebhookSender

LONGEST_KEY = 300
LONGEST_REASON = 200
LONGEST_PAYMENT_KEY = 200
ORDER_ID = re.compile(r"[A-Za-z0-9_-]{6,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """A request, understood. ``subjects``: what no other request may be working on."""

    operation: TossOperation
    method: str
    path: str
    order_id: str | None
    subjects: frozenset[str]
    process: Callable[[Page], Payment]


class TossApi:
    def __init__(self, secret_key: str, books: Books, faults: TossFaults, webhooks: WebhookSender) -> None:
        self._secret_key = secret_key
        self._books = books
        self._faults = faults
        self._webhooks = webhooks
        self._keys_in_flight: set[tuple[str, str, str]] = set()
        self._subjects_in_flight: set[str] = set()
        self.requests: Counter[str] = Counter()

    def routes(self) -> list[Route]:
        return [
            Route("/v1/payments/confirm", self.confirm, methods=["POST"]),
            Route("/v1/payments/orders/{order_id}", self.by_order, methods=["GET"]),
            Route("/v1/payments/{payment_key}", self.by_key, methods=["GET"]),
            Route("/v1/payments/{payment_key}/cancel", self.cancel, methods=["POST"]),
        ]

    async def confirm(self, request: Request) -> Response:
        body = await _body_of(request)
        order_id, payment_key, amount = body.get("orderId"), body.get("paymentKey"), body.get("amount")

        def process(page: Page) -> Payment:
            if not isinstance(payment_key, str) or not 1 <= len(payment_key) <= LONGEST_PAYMENT_KEY or not _is_amount(amount):
                raise Refused("INVALID_REQUEST")
            if not isinstance(order_id, str) or not ORDER_ID.fullmatch(order_id):
                raise Refused("INVALID_ORDER_ID")
            payment, other = page.payment(payment_key), page.payment_of(order_id)
            if payment is None:
                raise Refused("NOT_FOUND_PAYMENT")
            taken = other is not None and other.approved_at is not None and other.payment_key != payment_key
            return confirm(payment, order_id=order_id, amount=int(amount), order_taken=taken, now=page.now)

        subjects = frozenset({f"payment {payment_key}", f"order {order_id}"})
        order = order_id if isinstance(order_id, str) else None
        return await self._exchange(request, "/v1/payments/confirm", TossOperation.CONFIRM, order, subjects, process)

    async def cancel(self, request: Request) -> Response:
        body, payment_key = await _body_of(request), request.path_params["payment_key"]
        reason, amount = body.get("cancelReason"), body.get("cancelAmount")

        def process(page: Page) -> Payment:
            if not isinstance(reason, str) or not 1 <= len(reason) <= LONGEST_REASON or not (amount is None or _is_amount(amount)):
                raise Refused("INVALID_REQUEST")
            payment = page.payment(payment_key)
            if payment is None:
                raise Refused("NOT_FOUND_PAYMENT")
            return cancel(payment, reason=reason, amount=None if amount is None else int(amount), now=page.now)

        payment = await self._books.transaction(lambda page: page.payment(payment_key))
        order = payment.order_id if payment is not None else None
        path, subjects = f"/v1/payments/{payment_key}/cancel", frozenset({f"payment {payment_key}"})
        return await self._exchange(request, path, TossOperation.CANCEL, order, subjects, process)

    async def by_order(self, request: Request) -> Response:
        order_id: str = request.path_params["order_id"]
        return await self._look_up(request, order_id, lambda page: page.payment_of(order_id))

    async def by_key(self, request: Request) -> Response:
        payment_key: str = request.path_params["payment_key"]
        payment = await self._books.transaction(lambda page: page.payment(payment_key))
        return await self._look_up(request, None if payment is None else payment.order_id, lambda page: page.payment(payment_key))

    async def _look_up(self, request: Request, order_id: str | None, find: Callable[[Page], Payment | None]) -> Response:
        def process(page: Page) -> Payment:
            payment = find(page)
            if payment is None:
                raise Refused("NOT_FOUND_PAYMENT")
            return payment

        return await self._exchange(request, request.url.path, TossOperation.LOOK_UP, order_id, frozenset(), process)

    async def _exchange(
        self,
        request: Request,
        path: str,
        operation: TossOperation,
        order_id: str | None,
        subjects: frozenset[str],
        process: Callable[[Page], Payment],
    ) -> Response:
        """Processes a request, unless the fault that is due says otherwise."""
        self.requests[operation] += 1
        self._webhooks.wake()
        fault = self._faults.take(operation, order_id)
        if fault is not None and (instead := instead_of_processing(fault)) is not None:
            return instead
        call = _Call(operation=operation, method=request.method, path=path, order_id=order_id, subjects=subjects, process=process)
        try:
            self._ensure_known(request)
            reply = await self._once(call, request, fault)
        except Refused as refused:
            reply = error(refused.code)
        return await instead_of_reply(fault, reply)

    def _ensure_known(self, request: Request) -> None:
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        try:
            key, colon, _ = b64decode(credentials, validate=True).decode().partition(":")
        except (NotBase64, UnicodeDecodeError) as fault:
            raise Refused("INCORRECT_BASIC_AUTH_FORMAT") from fault
        if scheme.lower() != "basic" or not colon:
            raise Refused("INCORRECT_BASIC_AUTH_FORMAT")
        if key != self._secret_key:
            raise Refused("UNAUTHORIZED_KEY")

    async def _once(self, call: _Call, request: Request, fault: TossFault | None) -> Response:
        """The first answer under an idempotency key is the answer under it, errors included."""
        key = request.headers.get("idempotency-key") if call.method == "POST" else None
        if key is None:
            return await self._alone(call, request, fault, None)
        if not 1 <= len(key) <= LONGEST_KEY:
            raise Refused("INVALID_IDEMPOTENCY_KEY")
        identity = (key, call.method, call.path)
        if identity in self._keys_in_flight:
            raise Refused("IDEMPOTENT_REQUEST_PROCESSING")
        self._keys_in_flight.add(identity)
        try:
            kept = await self._books.transaction(lambda page: page.answer(*identity))
            if kept is not None:
                return Response(kept[1], kept[0], media_type="application/json")
            return await self._alone(call, request, fault, key)
        finally:
            self._keys_in_flight.discard(identity)

    async def _alone(self, call: _Call, request: Request, fault: TossFault | None, key: str | None) -> Response:
        busy = bool(call.subjects & self._subjects_in_flight)
        if not busy:
            self._subjects_in_flight |= call.subjects
        try:
            if fault is not None and fault.kind is TossFaultKind.DELAY:
                await asyncio.sleep(fault.seconds)
            code = "ALREADY_PROCESSING_REQUEST" if busy else self._ordered_error(request)
            reply, queued = await self._books.transaction(lambda page: _process(page, call, fault, key, code))
        finally:
            if not busy:
                self._subjects_in_flight -= call.subjects
        if queued:
            await self._tell()
        return reply

    def _ordered_error(self, request: Request) -> str | None:
        """What a test key may ask for by header."""
        code = request.headers.get("tosspayments-test-code")
        if code is None or not self._secret_key.startswith("test_"):
            return None
        return code if code in STATUS_OF else "INVALID_TEST_CODE"

    async def _tell(self) -> None:
        settings = await self._books.transaction(lambda page: page.webhook())
        if settings.before_reply:
            await self._webhooks.send_due()
        self._webhooks.wake()


def _process(page: Page, call: _Call, fault: TossFault | None, key: str | None, code: str | None) -> tuple[Response, bool]:
    """What changes and what is answered, in one transaction. ``code``: the answer, whatever was asked."""
    try:
        if code is not None:
            raise Refused(code)
        refused_anyway = fault is not None and fault.kind is TossFaultKind.REFUSE
        reply = Response() if refused_anyway else _done(page, call)
    except Refused as refused:
        reply = error(refused.code)
    kept = True
    if fault is not None and fault.kind in (TossFaultKind.REFUSE, TossFaultKind.REFUSE_REPLY):
        reply, kept = error(fault.code, fault.status), fault.kept
    if key is not None and kept:
        page.keep_answer(key, call.method, call.path, reply.status_code, bytes(reply.body))
    return reply, bool(page.queued)


def _done(page: Page, call: _Call) -> Response:
    payment = call.process(page)
    if call.operation is TossOperation.LOOK_UP:
        return JSONResponse(as_json(payment))
    page.change(payment)
    if payment.status == "ABORTED" and payment.failure is not None:
        return error(payment.failure)
    return JSONResponse(as_json(payment))


async def _body_of(request: Request) -> Mapping[str, Any]:
    """Empty where it is no JSON object: what is needed will then be missing."""
    try:
        body = await request.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _is_amount(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 1 and value == int(value)
