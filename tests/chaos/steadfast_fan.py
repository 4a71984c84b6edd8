"""A fan who asks the same, under the same key, until there is an answer, whatever becomes of the server meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import httpx

from features.worlds import documents
from tests.api.client import Client, Refused

PAUSE = 0.4
"""Seconds between two tries: dozens who ask all the time would be all that the machine does."""
WELCOME = 1_000_000
POINTS_BESIDE_A_CARD = 30_000
OVER = ("DONE", "CANCELED")
"""What a charge is called that took place, whether or not it was given back."""
NOT_YET = ("PaymentPending", "RefundPending")


class Wish(Enum):
    """Points to pay with (None: all of it), whether a card pays the rest, and whether it is all given back."""

    POINTS = (None, False, False)
    CARD = (0, True, False)
    BOTH = (POINTS_BESIDE_A_CARD, True, False)
    POINTS_BACK = (None, False, True)
    CARD_BACK = (0, True, True)
    BOTH_BACK = (POINTS_BESIDE_A_CARD, True, True)

    def __init__(self, points: int | None, by_card: bool, back: bool) -> None:
        self.points = points
        self.by_card = by_card
        self.back = back

    @property
    def answers(self) -> int:
        """How many a fan with this wish has heard in the end: of signing in, holding, preparing, paying, cancelling."""
        return 3 + self.by_card + self.back


@dataclass
class SteadfastFan:
    """``seats`` are the fan's alone. ``hear`` is called with each answer that ends a question; ``told`` keeps them."""

    number: int
    http: httpx.AsyncClient
    gateway: httpx.AsyncClient
    concert_id: str
    performance_id: str
    seats: list[str]
    wish: Wish
    hear: Callable[[], Awaitable[None]]
    client: Client = field(init=False)
    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    payment: dict[str, Any] = field(default_factory=dict)

    async def walk(self) -> None:
        self.client = Client(self.http)
        phone = f"0107{self.number:07}"
        session = await self._until_answered("sign in", documents.SIGN_IN, name=f"팬 {self.number}", phone=phone)
        self.client = Client(self.http, session["accessToken"])
        token = await self._admitted()
        held = await self._keyed("hold", documents.HOLD, performanceId=self.performance_id, seatIds=self.seats, queueToken=token)
        assert held["__typename"] == "HoldSeatsSuccess", held
        self.payment = {"reservationId": held["reservation"]["id"], "queueToken": held["queueToken"]["value"]}
        if self.wish.by_card:
            self.payment |= await self._card()
        paid = await self._pay()
        assert paid["__typename"] == "PaySuccess", paid
        if self.wish.back:
            cancelled = await self._cancel()
            assert cancelled["__typename"] == "CancelReservationSuccess", cancelled

    async def finds_what_was_told(self) -> None:
        """Asked once more, everything is answered as before; and the account, the tickets and the card say the same."""
        before = dict(self.told)
        again = await (self._cancel() if self.wish.back else self._pay())
        assert again == before["cancel" if self.wish.back else "pay"]
        paid, price = before["pay"], before["hold"]["reservation"]["totalPrice"]
        by_points = price if self.wish.points is None else self.wish.points
        assert (paid["payment"]["pointsAmount"], paid["payment"]["cardAmount"]) == (by_points, price - by_points)
        assert paid["balance"] == WELCOME - by_points
        viewer = await self._answer(documents.VIEWER)
        [reservation] = [edge["node"] for edge in viewer["reservations"]["edges"]]
        assert reservation["payment"]["id"] == paid["payment"]["id"]
        assert await self._charges() == ([(OVER[self.wish.back], price - by_points)] if self.wish.by_card else [])
        if self.wish.back:
            assert (again["refundedPoints"], again["refundedCard"]) == (by_points, price - by_points)
            assert (reservation["status"], reservation["tickets"], viewer["points"]) == ("CANCELLED", [], WELCOME)
        else:
            assert (reservation["status"], viewer["points"]) == ("CONFIRMED", WELCOME - by_points)
            assert _codes(reservation["tickets"]) == _codes(paid["tickets"])
            assert sorted(ticket["seat"]["id"] for ticket in paid["tickets"]) == sorted(self.seats)

    async def _admitted(self) -> str:
        """The token of a pass. A fan who waits comes back with the place they had."""
        token = None
        while True:
            joined = await self._answer(documents.JOIN, input={"concertId": self.concert_id, "resumeToken": token})
            assert joined["__typename"] == "JoinQueueSuccess", joined
            token = str(joined["queueToken"]["value"])
            if joined["queueToken"]["state"] == "ACTIVE":
                return token
            await asyncio.sleep(PAUSE)

    async def _card(self) -> dict[str, str]:
        """An order, and what the fan's own device makes of it at the gateway."""
        asked = self.payment | ({"pointsToUse": self.wish.points} if self.wish.points else {})
        order = await self._until_answered("prepare", documents.PREPARE_PAYMENT, input=asked)
        assert order["__typename"] == "PaymentOrder", order
        shown = {"orderId": order["orderId"], "amount": order["amount"]}
        key = (await self.gateway.post("/simulator/toss/checkout", json=shown)).json()["paymentKey"]
        return {"method": "CARD", "orderId": order["orderId"], "paymentKey": key}

    async def _pay(self) -> dict[str, Any]:
        return await self._keyed("pay", documents.PAY, **self.payment)

    async def _cancel(self) -> dict[str, Any]:
        return await self._keyed("cancel", documents.CANCEL, reservationId=self.payment["reservationId"])

    async def _charges(self) -> list[tuple[str, int]]:
        if "orderId" not in self.payment:
            return []
        found = await self.gateway.get("/simulator/toss/payments.json", params={"order_id": self.payment["orderId"]})
        return [(payment["status"], payment["totalAmount"]) for payment in found.json()["payments"] if payment["status"] in OVER]

    async def _keyed(self, intent: str, document: str, **request: Any) -> dict[str, Any]:
        return await self._until_answered(intent, document, input=request | {"idempotencyKey": f"{intent}-{self.number}"})

    async def _until_answered(self, intent: str, document: str, **variables: Any) -> dict[str, Any]:
        self.told[intent] = await self._answer(document, **variables)
        await self.hear()
        return self.told[intent]

    async def _answer(self, document: str, **variables: Any) -> dict[str, Any]:
        while True:
            try:
                answer: dict[str, Any]
                (answer,) = (await self.client.ask(document, **variables)).values()
                if not answer.get("retryable") and answer.get("__typename") not in NOT_YET:
                    return answer
            except httpx.TransportError:
                pass  # nobody knows what became of it
            except Refused as refused:
                if set(refused.codes) != {"OVERLOADED"}:
                    raise
            await asyncio.sleep(PAUSE)


def _codes(tickets: list[dict[str, Any]]) -> dict[str, str]:
    return {ticket["id"]: ticket["code"] for ticket in tickets}
