"""The switches of the simulated gateway, and what it has done. JSON by its content type only: no page of another site can set them."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from entrypoints.simulators.faults import BadFault
from entrypoints.simulators.toss_api import ORDER_ID
from entrypoints.simulators.toss_books import Books, Page
from entrypoints.simulators.toss_faults import TossFault, TossFaults
from entrypoints.simulators.toss_payment import as_json, checkout
from entrypoints.simulators.toss_webhook import WebhookSettings
from entrypoints.simulators.toss_webhook_sender import WebhookSender

ON_A_PAGE = 1000
MOST_ON_A_PAGE = 10_000


class TossControls:
    def __init__(self, books: Books, faults: TossFaults, webhooks: WebhookSender, requests: Counter[str]) -> None:
        self._books = books
        self._faults = faults
        self._webhooks = webhooks
        self._requests = requests

    def routes(self) -> list[Route]:
        return [
            Route("/simulator/toss/checkout", self.checkout, methods=["POST"]),
            Route("/simulator/toss/payments.json", self.payments),
            Route("/simulator/toss/requests.json", self.requests),
            Route("/simulator/toss/faults", self.faults, methods=["GET", "POST", "DELETE"]),
            Route("/simulator/toss/webhook", self.webhook, methods=["GET", "POST", "DELETE"]),
            Route("/simulator/toss/webhooks.json", self.deliveries),
            Route("/simulator/toss/clock", self.clock, methods=["POST"]),
        ]

    async def checkout(self, request: Request) -> Response:
        try:
            given = _fields(
                await _json(request),
                {
                    "orderId": str,
                    "amount": int,
                    "orderName": str,
                    "currency": str,
                    "decline": str,
                    "refuseCancel": str,
                    "authenticated": bool,
                },
            )
            order_id, amount = given.get("orderId") or "", given.get("amount") or 0
            if not ORDER_ID.fullmatch(order_id) or amount < 1:
                raise BadFault("orderId: 6 to 64 of A-Z a-z 0-9 - _; amount: at least 1")
        except BadFault as problem:
            return _bad(problem)

        def open_checkout(page: Page) -> str:
            payment = checkout(
                order_id=order_id,
                amount=amount,
                order_name=given.get("orderName") or "",
                currency=given.get("currency") or "KRW",
                decline=given.get("decline"),
                refuse_cancel=given.get("refuseCancel"),
                authenticated=given.get("authenticated", True),
                now=page.now,
            )
            page.add(payment)
            return payment.payment_key

        payment_key = await self._books.transaction(open_checkout)
        return JSONResponse({"paymentKey": payment_key, "orderId": order_id, "amount": amount})

    async def payments(self, request: Request) -> Response:
        asked = request.query_params
        after, limit = asked.get("after", "0"), asked.get("limit", str(ON_A_PAGE))
        if not after.isdecimal() or not limit.isdecimal() or not 1 <= int(limit) <= MOST_ON_A_PAGE:
            return _bad(BadFault(f"after: a number; limit: 1 to {MOST_ON_A_PAGE}"))

        def read(page: Page) -> Mapping[str, Any]:
            found = page.payments(order_id=asked.get("order_id"), status=asked.get("status"), after=int(after), limit=int(limit))
            following = found[-1][0] if len(found) == int(limit) else None
            return {"payments": [as_json(payment) for _, payment in found], "next": following, "totals": page.totals()}

        return JSONResponse(await self._books.transaction(read))

    async def requests(self, _: Request) -> Response:
        return JSONResponse(dict(self._requests))

    async def faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._faults.clear()
        if request.method == "POST":
            try:
                given = await _json(request)
                added = [TossFault.read(one) for one in (given if isinstance(given, list) else [given])]
            except BadFault as problem:
                return _bad(problem)
            for fault in added:
                self._faults.add(fault)
        return JSONResponse({"faults": self._faults.as_json()})

    async def webhook(self, request: Request) -> Response:
        try:
            settings = None if request.method == "GET" else WebhookSettings()
            if request.method == "POST":
                settings = WebhookSettings.read(await _json(request))
        except BadFault as problem:
            return _bad(problem)
        if settings is not None:
            chosen = settings
            await self._books.transaction(lambda page: page.set_webhook(chosen))
            self._webhooks.wake()
        return JSONResponse((await self._books.transaction(lambda page: page.webhook())).as_json())

    async def deliveries(self, _: Request) -> Response:
        return JSONResponse({"webhooks": await self._books.transaction(lambda page: page.deliveries(ON_A_PAGE))})

    async def clock(self, request: Request) -> Response:
        try:
            given = _fields(await _json(request), {"advance_seconds": int})
        except BadFault as problem:
            return _bad(problem)
        now = await self._books.put_clock_forward(timedelta(seconds=given.get("advance_seconds") or 0))
        self._webhooks.wake()
        return JSONResponse({"now": now.isoformat()})


def _fields(given: Any, kinds: Mapping[str, type]) -> Mapping[str, Any]:
    """Raises BadFault for anything else."""
    if not isinstance(given, dict) or not given.keys() <= kinds.keys():
        raise BadFault(f"an object of {', '.join(kinds)}")
    for name, value in given.items():
        if value is not None and type(value) is not kinds[name]:
            raise BadFault(f"{name}: {kinds[name].__name__}")
    return given


async def _json(request: Request) -> Any:
    """Raises BadFault."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise BadFault("content type: application/json")
    try:
        return await request.json()
    except ValueError as fault:
        raise BadFault(str(fault)) from fault


def _bad(problem: BadFault) -> Response:
    return JSONResponse({"error": str(problem)}, status_code=400)
