"""The gateway charges an attempt after we believed that it had failed, and tells us by its unsigned webhook."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from entrypoints.settings import SIMULATED_TOSS_KEY
from entrypoints.simulators.together import TOSS_PATH
from tests.api.client import ME, Client, guest
from tests.api.server import Server
from tests.api.test_card_walk import PREPARE_TOP_UP, TOP_UP, Buyer, concert_of_its_own, holder

LATE = 'concert_operator_alerts_total{alert="gateway-late-charge"}'
PUT_OFF = timedelta(minutes=9)
"""From now, at least: a second look within ten minutes is put off by ten."""


async def not_found_yet(http: httpx.AsyncClient, order: dict[str, Any]) -> None:
    """Not processed; the look-up that follows finds a checkout that nobody has confirmed, and the attempt is over."""
    fault = {"kind": "refuse", "operation": "confirm", "code": "NOT_FOUND_PAYMENT_SESSION", "order_id": order["orderId"]}
    assert (await http.post("/simulator/toss/faults", json=fault)).status_code < 300


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


def errand_of(server: Server, order: dict[str, Any]) -> Mapping[str, Any]:
    """The row of the errand that was to confirm it, with its moments by the database's clock."""
    with closing(sqlite3.connect(server.data_dir / "concert.sqlite3", timeout=5)) as connection:
        connection.row_factory = sqlite3.Row
        [row] = connection.execute("SELECT * FROM gateway_errands WHERE order_id = ? AND kind = 'CONFIRM'", (order["orderId"],))
        return dict(row)


def is_put_off(errand: Mapping[str, Any]) -> bool:
    """It has been closed after a look, and opened again for one that is not due for long."""
    if (errand["state"], errand["next_step"]) != ("OPEN", "LOOK_BACK"):
        return False
    return datetime.fromisoformat(errand["due_at"]).replace(tzinfo=UTC) > datetime.now(UTC) + PUT_OFF


async def told(ask: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """The answer, however long the server takes for it: whoever hears that it is pending asks again."""
    async with asyncio.timeout(60):
        while True:
            if (answer := await ask())["__typename"] != "PaymentPending":
                return answer
            await asyncio.sleep(0.1)


async def come_true(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.05)


async def failed(buyer: Buyer, points: int | None = None) -> tuple[dict[str, Any], str]:
    """An attempt that is over, and of which the gateway still has the checkout."""
    order = await buyer.order(points)
    await not_found_yet(buyer.fan.http, order)
    card = await buyer.card(order)
    assert (await told(lambda: buyer.pay(order, card, "p")))["__typename"] == "PaymentDeclined"
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
    order = (await fan.ask(PREPARE_TOP_UP, amount=5_000))["prepareTopUp"]
    await not_found_yet(http, order)
    card = (await http.post("/simulator/toss/checkout", json={"orderId": order["orderId"], "amount": 5_000})).json()["paymentKey"]
    asked = {"order": order["orderId"], "amount": 5_000, "paymentKey": card, "key": "t"}

    async def ask() -> dict[str, Any]:
        answer: dict[str, Any] = (await fan.ask(TOP_UP, **asked))["topUpPoints"]
        return answer

    assert (await told(ask))["__typename"] == "PaymentDeclined"
    before = await late_charges(http)
    await charged_late(http, order, card)

    async def credited() -> bool:
        return bool((await fan.ask(ME))["viewer"]["points"] == 1_005_000)

    await come_true(credited)
    assert await late_charges(http) == before + 1


async def test_a_flood_of_webhooks_about_an_attempt_that_did_fail_costs_few_looks_and_changes_nothing(
    http: httpx.AsyncClient, server: Server, operator: Client
) -> None:
    buyer = await holder(http, *await concert_of_its_own(operator))
    order = await buyer.order()
    card = await buyer.card(order, decline="REJECT_CARD_COMPANY")
    assert (await told(lambda: buyer.pay(order, card, "p")))["__typename"] == "PaymentDeclined"
    alerts = await late_charges(http)
    webhook = {"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": order["orderId"], "status": "DONE", "totalAmount": 100_000}}

    async def flood() -> None:
        answers = await asyncio.gather(*(http.post("/webhooks/toss", json=webhook) for _ in range(100)))
        assert [answer.status_code for answer in answers] == [200] * 100

    async def put_off() -> bool:
        await flood()
        return is_put_off(errand_of(server, order))

    await come_true(put_off)
    waiting = errand_of(server, order)
    await flood()
    assert errand_of(server, order) == waiting, "it has been looked up once, and is not before its time"
    assert await late_charges(http) == alerts
    assert await buyer.charges(order) == [("ABORTED", 100_000)]
    declined = await buyer.pay(order, card, "p")
    assert (declined["__typename"], declined["declineCode"]) == ("PaymentDeclined", "REJECT_CARD_COMPANY")
    second = await buyer.order()
    assert (await buyer.pay(second, await buyer.card(second), "p2"))["__typename"] == "PaySuccess"
