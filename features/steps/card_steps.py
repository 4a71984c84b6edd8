"""Paying by card: orders, payment keys, and what stands at the gateway."""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from pymysql.err import OperationalError
from pytest_bdd import given, step, then, when

from features.steps import hold_steps
from features.steps.sentences import Sentence
from features.steps.story import Story, eventually
from features.worlds import documents
from features.worlds.database import Database
from features.worlds.faults import Faults
from features.worlds.graphql import Answer

PATIENCE = 90.0
LONGEST_WAIT = 305
"""Seconds between two look-ups of an errand, and a little."""
OVER = ("DONE", "CANCELED")
"""What a charge is called that took place, whether or not it was given back."""


class Cards:
    """Order ids by fan, and their last order with the card that was shown for it."""

    def __init__(self) -> None:
        self.orders: dict[str, list[str]] = {}
        self.last: dict[str, dict[str, str]] = {}


@pytest.fixture
def cards() -> Iterator[Cards]:
    yield Cards()


@step(Sentence("{name:fan}이/가 카드로 결제한다"))
def pays_by_card(story: Story, faults: Faults, cards: Cards, name: str) -> None:
    assert pay_with_card(story, faults, cards, name).typename == "PaySuccess", story.fan(name).answer


@step(Sentence("{name:fan}이/가 포인트 {points:number}원과 카드로 결제한다"))
def pays_by_both(story: Story, faults: Faults, cards: Cards, name: str, points: int) -> None:
    assert pay_with_card(story, faults, cards, name, points=points).typename == "PaySuccess", story.fan(name).answer


@given(Sentence("{name:fan}이/가 {seats:seats} 좌석을 카드로 사서 가지고 있다"))
def bought_by_card(story: Story, faults: Faults, cards: Cards, name: str, seats: tuple[str, ...]) -> None:
    hold_steps.has_held(story, name, seats)
    pays_by_card(story, faults, cards, name)


@when(Sentence("{name:fan}이/가 카드로 결제하려 한다"))
def tries_by_card(story: Story, faults: Faults, cards: Cards, name: str) -> None:
    pay_with_card(story, faults, cards, name)


@when(Sentence("{name:fan}이/가 포인트 {points:number}원과 카드로 결제하려 한다"))
def tries_by_both(story: Story, faults: Faults, cards: Cards, name: str, points: int) -> None:
    pay_with_card(story, faults, cards, name, points=points)


@when(Sentence("{name:fan}이/가 포인트 {points:number}원과 거절되는 카드로 결제하려 한다"))
def tries_a_bad_card(story: Story, faults: Faults, cards: Cards, name: str, points: int) -> None:
    pay_with_card(story, faults, cards, name, points=points, decline="REJECT_CARD_COMPANY")


@when(Sentence("{name:fan}이/가 카드로 결제하다가 답을 듣지 못한다"))
def hears_nothing(story: Story, faults: Faults, cards: Cards, name: str) -> None:
    with pytest.raises(httpx.TransportError):
        pay_with_card(story, faults, cards, name)


@when(Sentence("{name:fan}이/가 포인트로 결제하다가 답을 듣지 못한다"))
def hears_nothing_of_points(story: Story, name: str) -> None:
    with pytest.raises(httpx.TransportError):
        story.fan(name).pay()


def pays_with_it_again(story: Story, cards: Cards, name: str) -> None:
    """The same intent, however often it is sent."""
    fan = story.fan(name)

    def paid() -> None:
        assert fan.pay(key=fan.used_keys["pay"], **cards.last[name]).typename == "PaySuccess", fan.answer

    eventually(paid, PATIENCE)


@then(Sentence("{name:fan}은/는 결제가 진행 중이라고 듣는다"))
def payment_is_pending(story: Story, name: str) -> None:
    answer = story.fan(name).answer
    assert answer is not None and answer.typename == "PaymentPending", answer
    assert answer["retryAfterSeconds"] >= 1


@then(Sentence('{name:fan}의 진행 중인 결제는 결국 "{status:code}" 상태가 된다'))
def pending_payment_becomes(story: Story, name: str, status: str) -> None:
    answer = story.fan(name).answer
    assert answer is not None
    socket = story.fan(name).subscribe(documents.PAYMENT_UPDATES, paymentId=answer["payment"]["id"])
    deadline = time.monotonic() + PATIENCE
    while not socket.seen or socket.seen[-1]["status"] != status:
        assert socket.next(deadline - time.monotonic()) is not None, f"the subscription ended: {socket.seen}"


@then(Sentence("{name:fan}의 카드에는 {amount:number}원이 꼭 한 번 청구되어 있다"))
def charged_once(story: Story, faults: Faults, cards: Cards, name: str, amount: int) -> None:
    assert _charges(faults, cards, name) == [("DONE", amount)]


@then(Sentence("{name:fan}의 카드 {amount:number}원은 결국 환불된다"))
def charge_is_returned(story: Story, faults: Faults, cards: Cards, name: str, amount: int) -> None:
    def returned() -> None:
        assert _charges(faults, cards, name) == [("CANCELED", amount)]

    eventually(returned, PATIENCE)


@then(Sentence("카드사와의 약속 시간이 흐르는 동안 {name:fan}의 카드 {amount:number}원은 결국 환불된다"))
def charge_is_returned_in_time(story: Story, faults: Faults, cards: Cards, name: str, amount: int) -> None:
    """However many look-ups it takes until the gateway answers again: the waits between them are taken for over."""

    def returned() -> None:
        with suppress(OperationalError):  # a deadlock with the service: at the next look
            Database(story.service.database_url).pass_time(LONGEST_WAIT)
        time.sleep(1.0)
        assert _charges(faults, cards, name) == [("CANCELED", amount)]

    eventually(returned, PATIENCE)


@then(Sentence("{name:fan}의 카드에는 아무것도 청구되지 않았다"))
def nothing_was_charged(story: Story, faults: Faults, cards: Cards, name: str) -> None:
    assert _charges(faults, cards, name) == []


@when(Sentence("운영자가 공연을 취소한다"))
def operator_cancels(story: Story) -> None:
    story.service.operator.cancel_performance(story.show)


@then(Sentence("카드사는 승인 요청을 {count:number}번 받았다"))
def gateway_was_asked(faults: Faults, cards: Cards, count: int) -> None:
    """Since the scenario began."""
    asked = faults.get("/simulator/toss/requests.json")
    assert asked.get("confirm", 0) - _asked_before(cards) == count


@given(Sentence("카드사가 받은 승인 요청을 세기 시작한다"))
def count_requests(faults: Faults, cards: Cards) -> None:
    cards.last["counted"] = {"confirm": str(faults.get("/simulator/toss/requests.json").get("confirm", 0))}


def _asked_before(cards: Cards) -> int:
    return int(cards.last["counted"]["confirm"])


def order_with_card(story: Story, faults: Faults, cards: Cards, name: str, points: int | None = None, **card: Any) -> None:
    """All that comes before paying."""
    fan = story.fan(name)
    request: dict[str, Any] = {"reservationId": fan.reservation["id"], "queueToken": fan.token}
    order = fan.send(documents.PREPARE_PAYMENT, request | ({"pointsToUse": points} if points else {}))
    assert order.typename == "PaymentOrder", order
    key = faults.checkout(orderId=order["orderId"], amount=order["amount"], **card)
    cards.orders.setdefault(name, []).append(order["orderId"])
    cards.last[name] = {"method": "CARD", "orderId": order["orderId"], "paymentKey": key}


def pay_with_card(story: Story, faults: Faults, cards: Cards, name: str, points: int | None = None, **card: Any) -> Answer:
    order_with_card(story, faults, cards, name, points, **card)
    return story.fan(name).pay(**cards.last[name])


def _charges(faults: Faults, cards: Cards, name: str) -> list[tuple[str, int]]:
    """Of all orders of that fan."""
    found = [
        payment
        for order_id in cards.orders.get(name, [])
        for payment in faults.get("/simulator/toss/payments.json", order_id=order_id)["payments"]
    ]
    return [(payment["status"], payment["totalAmount"]) for payment in found if payment["status"] in OVER]
