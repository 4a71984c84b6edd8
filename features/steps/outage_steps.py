"""Processes and servers that go away and come back."""

import threading
import time
from collections.abc import Callable

import httpx
from pytest_bdd import then, when
from redis import Redis

from features.steps.sentences import Sentence
from features.steps.story import Story
from features.worlds.fan import Fan
from features.worlds.graphql import Refused

APART = 0.03
"""Seconds between two payments of a crowd, so that a kill falls among them."""


@when(Sentence("예매 서비스가 kill -9로 죽었다가 다시 뜬다"))
def dies_and_rises(story: Story) -> None:
    story.kill()
    story.service.start()


@when(Sentence("팬들이 결제하는 동안 예매 서비스가 kill -9로 죽었다가 다시 뜬다"))
def dies_among_payments(story: Story) -> None:
    pay_around(story, story.kill)
    story.service.start()


def pay_around(story: Story, kill: Callable[[], None]) -> None:
    """The first third of the crowd is answered before the kill, the last third asks after it, the rest at about that moment."""
    third = len(story.crowd) // 3
    paid, dead = threading.Semaphore(0), threading.Event()

    def pay(number: int, fan: Fan) -> None:
        time.sleep(number * APART)
        if number >= len(story.crowd) - third:
            assert dead.wait(60), "nobody was killed"
        try:
            if fan.pay().typename == "PaySuccess":
                paid.release()
        except (httpx.TransportError, Refused):
            return

    payers = [threading.Thread(target=pay, args=(number, fan)) for number, fan in enumerate(story.crowd)]
    for payer in payers:
        payer.start()
    for _ in range(third):
        assert paid.acquire(timeout=30)
    kill()
    dead.set()
    for payer in payers:
        payer.join()
    assert third <= len([fan for fan in story.crowd if fan.payment]) <= len(story.crowd) - third


@when(Sentence("답을 듣지 못한 팬들이 같은 키로 다시 결제한다"))
def the_unanswered_ask_again(story: Story) -> None:
    for fan in [fan for fan in story.crowd if not fan.payment]:
        _ask_again(fan)


@when(Sentence("{name:fan}이/가 듣지 못한 답을 같은 키로 다시 구한다"))
def asks_again(story: Story, name: str) -> None:
    _ask_again(story.fan(name))


def _ask_again(fan: Fan) -> None:
    assert fan.pay(key=fan.used_keys["pay"]).typename == "PaySuccess", fan.answer


@then(Sentence("팬들은 모두 결제 한 번, 티켓 한 장, 차감 한 번을 가진다"))
def each_paid_once(story: Story) -> None:
    for fan in story.crowd:
        viewer = fan.viewer()
        (reservation,) = [edge["node"] for edge in viewer["reservations"]["edges"]]
        assert (reservation["status"], reservation["payment"]) == ("CONFIRMED", fan.payment)
        assert [ticket["code"] for ticket in reservation["tickets"]] == [ticket["code"] for ticket in fan.tickets]
        assert len(fan.tickets) == 1
        assert [edge["node"]["kind"] for edge in viewer["pointLedger"]["edges"]] == ["DEDUCT", "TOP_UP"]
        assert viewer["points"] == 1_000_000 - fan.payment["amount"]


@when(Sentence("Redis에서 FLUSHALL이 실행된다"))
def redis_forgets(story: Story) -> None:
    with Redis.from_url(story.servers.redis.url) as client:
        client.flushall()


@when(Sentence("Redis가 꺼진다"))
def redis_goes(story: Story) -> None:
    story.servers.redis.kill()


@when(Sentence("Redis가 다시 켜진다"))
def redis_returns(story: Story) -> None:
    story.servers.redis.start()


@when(Sentence("Kafka가 꺼진다"))
def kafka_goes(story: Story) -> None:
    story.servers.kafka.stop()


@when(Sentence("Kafka가 다시 켜진다"))
def kafka_returns(story: Story) -> None:
    story.servers.kafka.start()
