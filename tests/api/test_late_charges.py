"""The gateway charges an attempt after we believed that it had failed, and tells us by its unsigned webhook."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from entrypoints.settings import SIMULATED_TOSS_KEY
from entrypoints.simulators.together import TOSS_PATH
from tests.api.client import ME, Client, guest
from tests.api.test_card_walk import PREPARE_TOP_UP, TOP_UP, Buyer, concert_of_its_own, holder

LATE = 'concert_operator_alerts_total{alert="gateway-late-charge"}'
NOT_FOUND_YET = {"kind": "refuse", "operation": "confirm", "code": "NOT_FOUND_PAYMENT_SESSION"}
"""Not processed; the look-up that follows finds a checkout that nobody has confirmed, and the attempt is over."""


@pytest.fixture(autouse=True)
async def told_by_webhook(http: httpx.AsyncClient) -> AsyncIterator[None]:
    await http.post("/simulator/toss/webhook", json={"url": f"{http.base_url}/webhooks/toss"})
    yield
    await http.request("DELETE", "/simulator/toss/webhook")
    await http.request("DELETE", "/simulator/toss/faults")


async def charged_late(http: httpx.AsyncClient, order: dict[str, Any], card: str) -> None:
    """A request that we know nothing of: one of a stopped worker's, say."""
    asked = {"paymentKey": card, "orderId": order["orderId"], "amount": order["amount"]}
    answer = await http.post(f"{TOSS_PATH}/v1/payments/confirm", json=asked, auth=(SIMULATED_TOSS_KEY, ""))
    assert (answer.status_code, answer.json()["status"]) == (200, "DONE")


async def late_charges(http: httpx.AsyncClient) -> int:
    found = re.search(rf"^{re.escape(LATE)} (\d+)", (await http.get("/metrics")).text, re.MULTILINE)
    return int(found[1]) if found else 0


async def look_ups(http: httpx.AsyncClient) -> int:
    count: int = (await http.get("/simulator/toss/requests.json")).json().get("look-up", 0)
    return count


async def come_true(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.05)


async def failed(buyer: Buyer, points: int | None = None) -> tuple[dict[str, Any], str]:
    """An attempt that is over, and of which the gateway still has the checkout."""
    await buyer.fan.http.post("/simulator/toss/faults", json=NOT_FOUND_YET)
    order = await buyer.order(points)
    card = await buyer.card(order)
    assert (await buyer.pay(order, card, "p"))["__typename"] == "PaymentDeclined"
    return order, card


async def test_what_is_charged_after_the_attempt_had_failed_goes_back_and_operators_hear_of_it(
    http: httpx.AsyncClient, operator: Client
) -> None:
    buyer = await holder(http, *await concert_of_its_own(operator))
    order, card = await failed(buyer, points=30_000)
    before = await late_charges(http)
    await charged_late(http, order, card)

    async def returned() -> bool:
        return await buyer.charges(order) == [("CANCELED", 70_000)]

    await come_true(returned)
    assert await late_charges(http) == before + 1
    assert await buyer.points() == 1_000_000
    assert [reservation["node"]["status"] for reservation in (await buyer.fan.ask(ME))["viewer"]["reservations"]["edges"]] == ["PENDING"]


async def test_a_top_up_that_is_charged_after_it_had_failed_is_credited_and_operators_hear_of_it(http: httpx.AsyncClient) -> None:
    fan = await guest(http)
    await http.post("/simulator/toss/faults", json=NOT_FOUND_YET)
    order = (await fan.ask(PREPARE_TOP_UP, amount=5_000))["prepareTopUp"]
    card = (await http.post("/simulator/toss/checkout", json={"orderId": order["orderId"], "amount": 5_000})).json()["paymentKey"]
    asked = {"order": order["orderId"], "amount": 5_000, "paymentKey": card, "key": "t"}
    assert (await fan.ask(TOP_UP, **asked))["topUpPoints"]["__typename"] == "PaymentDeclined"
    before = await late_charges(http)
    await charged_late(http, order, card)

    async def credited() -> bool:
        return bool((await fan.ask(ME))["viewer"]["points"] == 1_005_000)

    await come_true(credited)
    assert await late_charges(http) == before + 1


async def test_a_flood_of_webhooks_about_an_attempt_that_did_fail_costs_few_looks_and_changes_nothing(
    http: httpx.AsyncClient, operator: Client
) -> None:
    buyer = await holder(http, *await concert_of_its_own(operator))
    order = await buyer.order()
    card = await buyer.card(order, decline="REJECT_CARD_COMPANY")
    assert (await buyer.pay(order, card, "p"))["__typename"] == "PaymentDeclined"
    alerts, looks = await late_charges(http), await look_ups(http)
    webhook = {"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": order["orderId"], "status": "DONE", "totalAmount": 100_000}}
    for _ in range(10):
        answers = await asyncio.gather(*(http.post("/webhooks/toss", json=webhook) for _ in range(10)))
        assert [answer.status_code for answer in answers] == [200] * 10

    async def looked() -> bool:
        return await look_ups(http) > looks

    await come_true(looked)
    await asyncio.sleep(1)
    assert await look_ups(http) - looks <= 2
    assert await late_charges(http) == alerts
    assert await buyer.charges(order) == [("ABORTED", 100_000)]
    declined = await buyer.pay(order, card, "p")
    assert (declined["__typename"], declined["declineCode"]) == ("PaymentDeclined", "REJECT_CARD_COMPANY")
    second = await buyer.order()
    assert (await buyer.pay(second, await buyer.card(second), "p2"))["__typename"] == "PaySuccess"
