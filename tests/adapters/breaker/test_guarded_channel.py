"""What a guarded channel sends on, and when it leaves its provider alone."""

import asyncio

import pytest

from adapters.breaker.guarded_channel import GuardedChannel
from adapters.redis.rate_limiter import Rate
from application.ports.notification_channel import NotSent, Receipt, Rejected
from domain.errors import ChannelPaused, ChannelThrottled, ChannelUnavailable
from domain.notification import Notification
from tests.adapters.breaker.guards import Guards
from tests.adapters.notification.scene import notification

OK = Receipt(reference="r")
NAME = "alimtalk"


class Scripted:
    def __init__(self) -> None:
        self.answer: Receipt | Exception = OK
        self.asked: list[str] = []

    async def send(self, notification: Notification) -> Receipt:
        return await self._answer("send")

    async def find(self, notification: Notification) -> Receipt | None:
        return await self._answer("find")

    async def _answer(self, what: str) -> Receipt:
        self.asked.append(what)
        await asyncio.sleep(0)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class House(Guards):
    def __init__(self, rate: Rate | None = None) -> None:
        super().__init__(NAME, rate=rate)
        self.channel = Scripted()
        self.guarded = GuardedChannel(NAME, self.channel, self.breaker, self.limiter, self.time.elapsed)

    async def fail(self, fault: Exception) -> None:
        self.channel.answer = fault
        for _ in range(3):
            with pytest.raises(type(fault)):
                await self.guarded.send(notification())
        self.channel.asked.clear()


@pytest.fixture
def house() -> House:
    return House()


@pytest.mark.parametrize("fault", [ChannelUnavailable("ReadTimeout"), NotSent("ConnectError")])
async def test_a_provider_that_keeps_failing_is_left_alone(house: House, fault: Exception) -> None:
    await house.fail(fault)
    with pytest.raises(ChannelPaused) as paused:
        await house.guarded.send(notification())
    assert paused.value.retry_after == 30.0
    assert house.channel.asked == []
    house.time.now += 31
    house.channel.answer = OK
    assert await house.guarded.send(notification()) is OK


def test_a_pause_is_not_what_leads_to_another_channel() -> None:
    assert not issubclass(ChannelPaused, NotSent | Rejected)
    assert issubclass(ChannelPaused, ChannelUnavailable)


async def test_refusals_open_nothing(house: House) -> None:
    house.channel.answer = Rejected("result -3010")
    for _ in range(20):
        with pytest.raises(Rejected):
            await house.guarded.send(notification())
    assert len(house.channel.asked) == 20


async def test_look_ups_pass_an_open_circuit(house: House) -> None:
    await house.fail(ChannelUnavailable("ReadTimeout"))
    house.channel.answer = OK
    assert await house.guarded.find(notification()) is OK
    assert house.channel.asked == ["find"]


async def test_failed_look_ups_open_nothing(house: House) -> None:
    house.channel.answer = ChannelUnavailable("ReadTimeout")
    for _ in range(20):
        with pytest.raises(ChannelUnavailable):
            await house.guarded.find(notification())
    house.channel.answer = OK
    assert await house.guarded.send(notification()) is OK


@pytest.mark.parametrize(("asked_for", "seconds"), [(12.0, 12.0), (None, 5.0)])
async def test_a_provider_that_says_too_often_pauses_all_calls(house: House, asked_for: float | None, seconds: float) -> None:
    house.channel.answer = ChannelThrottled("HTTP 429", retry_after=asked_for)
    with pytest.raises(ChannelThrottled):
        await house.guarded.send(notification())
    house.channel.answer = OK
    with pytest.raises(ChannelPaused) as paused:
        await house.guarded.send(notification())
    assert paused.value.retry_after == pytest.approx(seconds)
    with pytest.raises(ChannelUnavailable):
        await house.guarded.find(notification())
    assert house.channel.asked == ["send"]
    house.time.now += seconds
    assert await house.guarded.send(notification()) is OK


async def test_messages_are_spread(house: House) -> None:
    house = House(Rate(per_second=10, burst=1, patience_seconds=0.55))
    for number in range(6):
        await house.guarded.send(notification(number))
    assert house.time.now == pytest.approx(1000.5)


async def test_one_question_for_all_who_look_for_a_message(house: House) -> None:
    assert await asyncio.gather(*(house.guarded.find(notification()) for _ in range(10))) == [OK] * 10
    assert await house.guarded.find(notification()) is OK
    assert house.channel.asked == ["find"]
    await house.guarded.find(notification(2))
    await house.guarded.send(notification())
    await house.guarded.find(notification())
    assert house.channel.asked == ["find", "find", "send", "find"]
