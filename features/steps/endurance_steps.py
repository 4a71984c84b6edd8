"""Bearing much: too many at once, the same over and over, and servers that stand still."""

import time
from functools import partial

import httpx
import pytest
from pytest_bdd import given, step, then, when

from features.steps import queue_steps
from features.steps.account_steps import ledger_reads
from features.steps.card_steps import PATIENCE as CARD_PATIENCE
from features.steps.card_steps import Cards, pay_with_card, pays_with_it_again
from features.steps.outbox_steps import GROWTH, waits_are_over
from features.steps.sentences import Sentence, Table
from features.steps.story import Story, eventually
from features.worlds.fan import Fan
from features.worlds.faults import Faults
from features.worlds.graphql import Answer, Refused, fresh_key
from features.worlds.operator import Plan
from features.worlds.service import Tempo

ROOM = 8
"""As many operations as the service with faults serves at once; as many again may wait a second."""
SHED_SECONDS = 2.5


@given(Sentence("장애를 심을 수 있고 바깥 서버를 따로 쓰는 예매 서비스가 있다"))
def a_service_with_faults_on_own_servers(story: Story, faults: Faults) -> None:
    story.use_own_servers(Tempo(faults=True))
    faults.meet(story.service)


@when(Sentence("Redis가 멈춘다"))
def redis_hangs(story: Story) -> None:
    story.servers.redis.pause()
    story.stack.callback(story.servers.redis.resume)


@when(Sentence("Redis가 다시 움직인다"))
def redis_moves(story: Story) -> None:
    story.servers.redis.resume()


@when(Sentence("Kafka가 멈춘다"))
def kafka_hangs(story: Story) -> None:
    story.servers.kafka.pause()
    story.stack.callback(story.servers.kafka.resume)


@when(Sentence("Kafka가 다시 움직인다"))
def kafka_moves(story: Story) -> None:
    story.servers.kafka.resume()


@step(Sentence("{name:fan}은/는 {seconds:number}초 안에 포인트로 결제한다"))
def pays_within(story: Story, name: str, seconds: int) -> None:
    began = time.monotonic()
    assert story.fan(name).pay().typename == "PaySuccess", story.fan(name).answer
    assert time.monotonic() - began < seconds


@step(Sentence("{name:fan}은/는 {seconds:number}초 안에 카드 결제가 진행 중이라고 듣는다"))
def hears_pending_within(story: Story, faults: Faults, cards: Cards, name: str, seconds: int) -> None:
    began = time.monotonic()
    assert pay_with_card(story, faults, cards, name).typename == "PaymentPending", story.fan(name).answer
    assert time.monotonic() - began < seconds


@then(Sentence("{name:fan}의 카드 결제는 {seconds:number}초가 지나서야 끝난다"))
def ends_not_before(story: Story, faults: Faults, cards: Cards, name: str, seconds: int) -> None:
    began = time.monotonic()
    pay_with_card(story, faults, cards, name)
    pays_with_it_again(story, cards, name)
    assert time.monotonic() - began > seconds


@when(Sentence("{name:fan}이/가 거절되는 카드로 {count:number}번 결제하려 한다"))
def tries_bad_cards(story: Story, faults: Faults, cards: Cards, name: str, count: int) -> None:
    for _ in range(count):
        assert pay_with_card(story, faults, cards, name, decline="REJECT_CARD_COMPANY").typename == "PaymentDeclined"


@when(Sentence("{name:fan}이/가 포인트로 결제를 보낸다"))
def sends_a_payment(story: Story, name: str) -> None:
    """It may be answered or not: the process dies at about that moment."""
    try:
        story.fan(name).pay()
    except httpx.TransportError:
        return


@when(Sentence("{name:fan}이/가 예약을 취소하다가 답을 듣지 못한다"))
def hears_nothing_of_the_refund(story: Story, name: str) -> None:
    with pytest.raises(httpx.TransportError):
        story.fan(name).cancel()


@step(Sentence("카드사와의 약속 시간이 흐른 셈 친다"))
def leases_are_over(story: Story) -> None:
    waits_are_over(story)


@when(Sentence("카드사와의 약속 시간이 흐른 셈 치고 {name:fan}이/가 같은 카드로 다시 결제한다"))
def pays_again_after_leases(story: Story, cards: Cards, name: str) -> None:
    leases_are_over(story)
    pays_with_it_again(story, cards, name)


@when(Sentence("카드사와의 약속 시간이 흐른 셈 치고 {name:fan}이/가 같은 키로 다시 취소한다"))
def cancels_again_after_leases(story: Story, name: str) -> None:
    leases_are_over(story)
    fan = story.fan(name)

    def refunded() -> None:
        assert fan.cancel(key=fan.used_keys["cancel"]).typename == "CancelReservationSuccess", fan.answer

    eventually(refunded, CARD_PATIENCE)


@step(Sentence("알림 처리를 기다리던 시간이 곧 흐른 셈 친다"))
def waits_are_over_soon(story: Story) -> None:
    """What has been taken by a provider is looked at again later; here, a little later."""
    time.sleep(2.0)
    waits_are_over(story)


@then(Sentence("프로세스는 그동안 한 번도 죽지 않았다"))
def lives(story: Story) -> None:
    assert story.service.runs


@then(Sentence("{name:fan}의 포인트 원장은 결국 다음과 같다"))
def ledger_reads_in_the_end(story: Story, name: str, datatable: Table) -> None:
    eventually(lambda: ledger_reads(story, name, datatable), CARD_PATIENCE)


@when(Sentence("{name:fan}이/가 대기열을 떠나려 한다"))
def tries_to_leave(story: Story, name: str) -> None:
    story.fan(name).leave()


@when(Sentence("{name:fan}이/가 같은 키로 한꺼번에 {count:number}번 결제를 요청한다"))
def floods(story: Story, name: str, count: int) -> None:
    fan, key = story.fan(name), fresh_key("flood")
    fan.used_keys["flood"] = key
    story.answers = story.at_once([partial(_pay_or_none, fan, key)] * count)


@then(Sentence("{count:number}번보다 많이는 한꺼번에 들어가지 못하고 나머지는 OVERLOADED를 듣는다"))
def most_were_shed(story: Story, faults: Faults, count: int) -> None:
    shed = sum(answer is None for answer in story.answers)
    assert shed >= len(story.answers) - 3 * count
    assert faults.grown("concert_shed_total") == shed
    assert len(faults.reached("PayWithPoints")) <= len(story.answers) - shed


@when(Sentence("{name:fan}이/가 몰리기 전의 키로 다시 결제한다"))
def pays_after_the_flood(story: Story, name: str) -> None:
    fan = story.fan(name)
    assert fan.pay(key=fan.used_keys["flood"]).typename == "PaySuccess", fan.answer


@given(Sentence("팬 {count:number}명이 네 좌석씩 {rounds:number}번 사고 취소했다"))
def bought_and_cancelled(story: Story, count: int, rounds: int) -> None:
    story.put_on_sale(Plan(sections=(("A", 4 * count),)))
    story.gather(count)
    _buy_and_cancel(story, rounds)


@then(Sentence("{rounds:number}번 더 사고 취소해도 메모리가 늘지 않는다"))
def memory_stays(story: Story, rounds: int) -> None:
    before = story.service.resident_bytes()
    _buy_and_cancel(story, rounds)
    assert story.service.resident_bytes() - before < GROWTH


@then(Sentence("팬들의 포인트는 모두 {points:number}원이다"))
def all_have_points(story: Story, points: int) -> None:
    assert {fan.viewer()["points"] for fan in story.crowd} == {points}


@then(Sentence("카드사의 웹훅이 {count:number}번 몰려와도 {name:fan}의 결제는 {most:number}번 안에 조회되어 확정된다"))
def few_look_ups(story: Story, faults: Faults, cards: Cards, count: int, name: str, most: int) -> None:
    before = faults.get("/simulator/toss/requests.json").get("look-up", 0)
    hint = {"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": cards.orders[name][-1]}}
    post = partial(httpx.post, f"{story.service.url}/webhooks/toss", json=hint, timeout=15, trust_env=False)
    for _ in range(count // 8):
        assert {answer.status_code for answer in story.at_once([post] * 8)} == {200}

    def confirmed() -> None:
        reservation = story.fan(name).reservation_now()
        assert reservation is not None and reservation["status"] == "CONFIRMED"

    eventually(confirmed, CARD_PATIENCE)
    asked = faults.get("/simulator/toss/requests.json").get("look-up", 0) - before
    assert 1 <= asked <= most, asked


def _buy_and_cancel(story: Story, rounds: int) -> None:
    seats = list(story.show.seats.values())

    def buy_and_cancel(fan: Fan, own: list[str]) -> None:
        for _ in range(rounds):
            queue_steps.admitted(fan, story)
            assert fan.hold(story.show.performance_id, own).typename == "HoldSeatsSuccess", fan.answer
            assert fan.pay().typename == "PaySuccess", fan.answer
            assert fan.cancel().typename == "CancelReservationSuccess", fan.answer

    story.at_once([partial(buy_and_cancel, fan, seats[4 * at : 4 * at + 4]) for at, fan in enumerate(story.crowd)])


def _pay_or_none(fan: Fan, key: str) -> Answer | None:
    """None: shed at the door."""
    try:
        return fan.pay(key=key)
    except Refused as refusal:
        assert refusal.extensions["code"] == "OVERLOADED", refusal
        return None
