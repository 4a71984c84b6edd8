"""Paying by card over real HTTP: the gateway is the look-alike that the embedded default serves beside the API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.client import CANCEL, HOLD, ME, PAY, SEATS, Client, admitted, guest

PREPARE = """mutation($id: ID!, $token: String!, $points: Int) {
  preparePayment(input: {reservationId: $id, queueToken: $token, pointsToUse: $points}) { __typename
  ... on PaymentOrder { orderId amount clientKey expiresAt } ... on InsufficientPoints { balance required } ... on Error { code } } }"""
PAY_BY_CARD = """mutation($id: ID!, $token: String!, $key: String!, $orderId: String!, $paymentKey: String!) {
  pay(input: {reservationId: $id, queueToken: $token, idempotencyKey: $key, method: CARD, orderId: $orderId, paymentKey: $paymentKey}) {
  __typename
  ... on PaySuccess { payment { id status amount pointsAmount cardAmount } tickets { id code } balance }
  ... on PaymentPending { payment { id status } retryAfterSeconds } ... on PaymentDeclined { declineCode } ... on Error { code } } }"""
REFUND = """mutation($id: ID!, $key: String!) { cancelReservation(input: {reservationId: $id, idempotencyKey: $key}) { __typename
  ... on CancelReservationSuccess { reservation { status } refundedPoints refundedCard } ... on RefundPending { payment { id status } }
  ... on Error { code } } }"""
PREPARE_TOP_UP = """mutation($amount: Int!) { prepareTopUp(input: {amount: $amount}) { __typename ... on PaymentOrder { orderId amount }
  ... on InvalidAmount { minimum maximum } } }"""
TOP_UP = """mutation($order: String!, $amount: Int!, $paymentKey: String!, $key: String!) {
  topUpPoints(input: {orderId: $order, amount: $amount, paymentKey: $paymentKey, idempotencyKey: $key}) { __typename
  ... on TopUpPointsSuccess { balance } ... on PaymentDeclined { declineCode }
  ... on PaymentPending { payment { id status cardAmount } } ... on Error { code } } }"""
UPDATES = "subscription($id: ID!) { paymentUpdates(paymentId: $id) { id status } }"
CREATE = """mutation($input: CreateConcertInput!) { createConcert(input: $input) { ... on CreateConcertSuccess {
  concert { id performances { id } } } } }"""
CANCEL_PERFORMANCE = """mutation($id: ID!) { cancelPerformance(performanceId: $id) { __typename ... on CancelPerformanceSuccess { newly }
  ... on Error { code } } }"""
REFUNDS = "query($id: ID!) { operations { performanceRefunds(performanceId: $id) { left refunding manual done } } }"
PRICE = 50_000


@dataclass(frozen=True, slots=True)
class Buyer:
    """A fan with a hold of two seats, 100,000 won together."""

    fan: Client
    performance: str
    reservation: str
    token: str

    async def order(self, points: int | None = None) -> dict[str, Any]:
        order: dict[str, Any] = (await self.fan.ask(PREPARE, id=self.reservation, token=self.token, points=points))["preparePayment"]
        assert order["__typename"] == "PaymentOrder", order
        return order

    async def card(self, order: dict[str, Any], **choices: Any) -> str:
        """The key that the gateway's client gives out for the order."""
        shown = {"orderId": order["orderId"], "amount": order["amount"], **choices}
        key: str = (await self.fan.http.post("/simulator/toss/checkout", json=shown)).json()["paymentKey"]
        return key

    async def pay(self, order: dict[str, Any], card: str, key: str) -> dict[str, Any]:
        asked = {"id": self.reservation, "token": self.token, "key": key, "orderId": order["orderId"], "paymentKey": card}
        answer: dict[str, Any] = (await self.fan.ask(PAY_BY_CARD, **asked))["pay"]
        return answer

    async def charges(self, order: dict[str, Any]) -> list[tuple[str, int]]:
        found = (await self.fan.http.get("/simulator/toss/payments.json", params={"order_id": order["orderId"]})).json()["payments"]
        return [(payment["status"], payment["totalAmount"]) for payment in found]

    async def points(self) -> int:
        points: int = (await self.fan.ask(ME))["viewer"]["points"]
        return points


async def concert_of_its_own(operator: Client) -> tuple[str, str]:
    now = datetime.now(UTC)
    section = {"name": "A", "rows": 2, "seatsPerRow": 10, "grade": "R", "price": PRICE}
    asked = {
        "title": "카드",
        "artist": "가수",
        "queueOpensAt": (now - timedelta(hours=2)).isoformat(),
        "salesOpenAt": (now - timedelta(hours=1)).isoformat(),
        "salesCloseAt": (now + timedelta(hours=1)).isoformat(),
        "performances": [{"venue": "홀", "startsAt": (now + timedelta(days=9)).isoformat(), "sections": [section]}],
    }
    made = (await operator.ask(CREATE, input=asked))["createConcert"]["concert"]
    return made["id"], made["performances"][0]["id"]


async def holder(http: httpx.AsyncClient, concert: str, performance: str, key: str = "h") -> Buyer:
    fan = await guest(http)
    token = await admitted(fan, concert)
    seats = (await fan.ask(SEATS, id=performance, first=2, status="AVAILABLE"))["performance"]["seats"]["edges"]
    ids = [edge["node"]["id"] for edge in seats]
    held = (await fan.ask(HOLD, performanceId=performance, seatIds=ids, token=token, key=key))["holdSeats"]
    return Buyer(fan, performance, held["reservation"]["id"], held["queueToken"]["value"])


@pytest.fixture
async def buyer(http: httpx.AsyncClient, operator: Client) -> Buyer:
    return await holder(http, *await concert_of_its_own(operator))


@pytest.fixture(autouse=True)
async def gateway_mended(http: httpx.AsyncClient) -> AsyncIterator[None]:
    yield
    await http.request("DELETE", "/simulator/toss/faults")


async def broken(buyer: Buyer, kind: str, **more: Any) -> None:
    answer = await buyer.fan.http.post("/simulator/toss/faults", json={"kind": kind, **more})
    assert answer.status_code < 300, answer.text


async def test_points_and_card_together_buy_the_seats(buyer: Buyer) -> None:
    order = await buyer.order(points=30_000)
    assert (order["amount"], order["clientKey"]) == (70_000, "test_ck_simulated")
    paid = await buyer.pay(order, await buyer.card(order), "p")
    assert paid["__typename"] == "PaySuccess"
    assert {name: paid["payment"][name] for name in ("status", "amount", "pointsAmount", "cardAmount")} == {
        "status": "COMPLETED",
        "amount": 100_000,
        "pointsAmount": 30_000,
        "cardAmount": 70_000,
    }
    assert (len(paid["tickets"]), paid["balance"]) == (2, 970_000)
    assert await buyer.charges(order) == [("DONE", 70_000)]


async def test_a_declined_card_costs_nothing_and_another_one_may_be_tried(buyer: Buyer) -> None:
    first = await buyer.order(points=30_000)
    declined = await buyer.pay(first, await buyer.card(first, decline="REJECT_CARD_COMPANY"), "p1")
    assert (declined["__typename"], declined["declineCode"]) == ("PaymentDeclined", "REJECT_CARD_COMPANY")
    assert await buyer.points() == 1_000_000
    assert (await buyer.pay(first, "whatever", "p1"))["__typename"] == "IdempotencyConflict"
    second = await buyer.order()
    assert (await buyer.pay(second, await buyer.card(second), "p2"))["__typename"] == "PaySuccess"
    assert await buyer.charges(second) == [("DONE", 100_000)]


async def test_charged_and_the_answer_lost_is_found_and_charged_once(buyer: Buyer) -> None:
    await broken(buyer, "drop-reply", operation="confirm")
    order = await buyer.order()
    card = await buyer.card(order)
    answers = await asyncio.gather(*(buyer.pay(order, card, "p") for _ in range(5)))
    assert {answer["__typename"] for answer in answers} == {"PaySuccess"}
    assert len({answer["payment"]["id"] for answer in answers}) == 1
    assert await buyer.charges(order) == [("DONE", 100_000)]


async def test_a_gateway_that_takes_its_time_leaves_the_payment_pending_and_then_tells(buyer: Buyer) -> None:
    """A duplicate hears of the same payment, whether it bears the same key or another."""
    await broken(buyer, "delay", operation="confirm", seconds=8)
    order = await buyer.order()
    card = await buyer.card(order)
    pending, *duplicates = await asyncio.gather(*(buyer.pay(order, card, key) for key in ("p", "p", "another")))
    assert (pending["__typename"], pending["payment"]["status"]) == ("PaymentPending", "REQUESTED")
    assert duplicates == [pending, pending]
    points_instead = await buyer.fan.ask(CANCEL, id=buyer.reservation, key="c")
    assert points_instead["cancelReservation"]["__typename"] == "NotCancellable"
    async with aclosing(buyer.fan.watch(UPDATES, id=pending["payment"]["id"])) as updates:
        seen = [update["paymentUpdates"]["status"] async for update in updates]
    assert seen[-1] == "COMPLETED"
    assert (await buyer.pay(order, card, "p"))["__typename"] == "PaySuccess"


async def test_a_refund_goes_back_to_card_and_points_and_the_seats_are_free_again(buyer: Buyer) -> None:
    order = await buyer.order(points=30_000)
    await buyer.pay(order, await buyer.card(order), "p")
    refunds = [(await buyer.fan.ask(REFUND, id=buyer.reservation, key="c"))["cancelReservation"] for _ in range(2)]
    assert (
        refunds
        == [
            {
                "__typename": "CancelReservationSuccess",
                "reservation": {"status": "CANCELLED"},
                "refundedPoints": 30_000,
                "refundedCard": 70_000,
            }
        ]
        * 2
    )
    assert await buyer.charges(order) == [("CANCELED", 70_000)]
    assert await buyer.points() == 1_000_000
    free = (await buyer.fan.ask(SEATS, id=buyer.performance, first=50, status="AVAILABLE"))["performance"]["seats"]["edges"]
    assert len(free) == 20


async def test_a_refund_that_is_refused_for_good_leaves_the_ticket(buyer: Buyer) -> None:
    order = await buyer.order()
    await buyer.pay(order, await buyer.card(order, refuseCancel="NOT_CANCELABLE_PAYMENT"), "p")
    refused = (await buyer.fan.ask(REFUND, id=buyer.reservation, key="c"))["cancelReservation"]
    assert (refused["__typename"], refused["code"]) == ("NotCancellable", "NOT_CANCELLABLE")
    [reservation] = (await buyer.fan.ask(ME))["viewer"]["reservations"]["edges"]
    assert (reservation["node"]["status"], len(reservation["node"]["tickets"])) == ("CONFIRMED", 2)
    assert await buyer.charges(order) == [("DONE", 100_000)]


async def test_points_are_bought_once_however_often_it_is_asked(http: httpx.AsyncClient) -> None:
    fan = await guest(http)
    small = (await fan.ask(PREPARE_TOP_UP, amount=999))["prepareTopUp"]
    assert small == {"__typename": "InvalidAmount", "minimum": 1_000, "maximum": 1_000_000}
    order = (await fan.ask(PREPARE_TOP_UP, amount=5_000))["prepareTopUp"]
    card = (await http.post("/simulator/toss/checkout", json={"orderId": order["orderId"], "amount": 5_000})).json()["paymentKey"]
    asked = {"order": order["orderId"], "amount": 5_000, "paymentKey": card, "key": "t"}
    answers = await asyncio.gather(*(fan.ask(TOP_UP, **asked) for _ in range(5)))
    assert [answer["topUpPoints"] for answer in answers] == [{"__typename": "TopUpPointsSuccess", "balance": 1_005_000}] * 5


async def test_a_cancelled_performance_gives_every_card_and_point_back(http: httpx.AsyncClient, operator: Client) -> None:
    concert, performance = await concert_of_its_own(operator)
    by_card, by_points, holding = [await holder(http, concert, performance) for _ in range(3)]
    order = await by_card.order()
    await by_card.pay(order, await by_card.card(order), "p")
    paid = await by_points.fan.ask(PAY, id=by_points.reservation, token=by_points.token, key="p")
    assert paid["pay"]["__typename"] == "PaySuccess"

    cancelled = [(await operator.ask(CANCEL_PERFORMANCE, id=performance))["cancelPerformance"] for _ in range(2)]
    assert [answer["newly"] for answer in cancelled] == [True, False]
    await all_given_back(operator, performance, 3)
    assert await by_card.charges(order) == [("CANCELED", 100_000)]
    assert [await buyer.points() for buyer in (by_card, by_points, holding)] == [1_000_000] * 3
    refused = await holding.fan.ask(PREPARE, id=holding.reservation, token=holding.token)
    assert refused["preparePayment"]["__typename"] == "SalesClosed"


async def all_given_back(operator: Client, performance: str, reservations: int) -> None:
    progress: dict[str, int] = {}
    for _ in range(75):
        progress = (await operator.ask(REFUNDS, id=performance))["operations"]["performanceRefunds"]
        if progress["done"] == reservations:
            break
        await asyncio.sleep(0.2)
    assert progress == {"left": 0, "refunding": 0, "manual": 0, "done": reservations}


async def test_only_operators_cancel_a_performance(buyer: Buyer) -> None:
    answer = await buyer.fan.post(CANCEL_PERFORMANCE, id=buyer.performance)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]


@pytest.mark.parametrize("body", [b"", b"null", b"[1]", b"{", b'{"data": {"orderId": 5}}', b"[" * 3_000, b'{"data": {"orderId": "AAAA"}}'])
async def test_whatever_the_webhook_is_told_it_answers_and_believes_nothing(http: httpx.AsyncClient, body: bytes) -> None:
    assert (await http.post("/webhooks/toss", content=body)).status_code == 200


@pytest.mark.parametrize(
    ("shown", "status"), [({}, 403), ({"X-Toast-Webhook-Signature": "another"}, 403), ({"X-Toast-Webhook-Signature": "chosen"}, 200)]
)
async def test_the_webhook_about_results_is_heard_from_who_shows_the_secret(
    http: httpx.AsyncClient, shown: dict[str, str], status: int
) -> None:
    hooks = [{"recipientGroupingKey": str(uuid4())}]
    assert (await http.post("/webhooks/nhn/alimtalk", json={"hooks": hooks}, headers=shown)).status_code == status
