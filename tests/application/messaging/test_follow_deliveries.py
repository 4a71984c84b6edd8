"""Following what a provider has taken: when it is looked at, what ends it, and when our own SMS goes."""

import asyncio
from datetime import timedelta

import pytest

from application.messaging.follow_deliveries import DEADLINES, WAITS, FollowDeliveries
from application.messaging.paced_reports import PacedReports
from application.ports.delivery_reports import Fate, Report
from application.ports.notification_channel import Rejected
from domain.errors import ChannelUnavailable, RateLimited
from domain.notification import Channel, Notification, NotificationStatus
from tests.adapters.notification.scene import notification
from tests.application.test_retrying import Counted
from tests.contracts.clocks import FixedClock
from tests.fakes.notification_queue import MemoryDeliveryQueue, MemoryNotificationQueue

DELIVERED, FAILED, SENT = NotificationStatus.DELIVERED, NotificationStatus.FAILED, NotificationStatus.SENT
PENDING, UNCONFIRMED = NotificationStatus.PENDING, NotificationStatus.UNCONFIRMED
UNDER_WAY = Report(fate=Fate.UNDER_WAY, note="READY")


class NoChance:
    def chance(self) -> float:
        return 0.0


class Reports:
    """Answers as it was told; the last answer stays."""

    def __init__(self, *answers: Report | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Notification, str]] = []

    async def report(self, notification: Notification, reference: str) -> Report:
        self.asked.append((notification, reference))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class World:
    def __init__(self, *answers: Report | Exception, channel: Channel = Channel.ALIMTALK) -> None:
        self.clock, self.metrics, self.reports = FixedClock(), Counted(), Reports(*answers)
        self.one = notification(channel=channel)
        self.queue = MemoryNotificationQueue(self.clock, self.one)
        reports = dict.fromkeys(Channel, self.reports)
        self.follow = FollowDeliveries(MemoryDeliveryQueue(self.queue), reports, self.clock, NoChance(), self.metrics, "follower-1")

    async def taken(self) -> "World":
        await self.queue.claim("notifier", 10, 30)
        await self.queue.begin_attempt("notifier", self.one.id)
        await self.queue.mark_sent("notifier", self.one.id, "r-7")
        return self

    async def after(self, seconds: float) -> int:
        self.clock.move(timedelta(seconds=seconds))
        return await self.follow()

    @property
    def status(self) -> NotificationStatus:
        return self.queue.status(self.one.id)


async def test_what_was_taken_is_asked_for_and_not_before_its_time() -> None:
    world = await World(Report(fate=Fate.DELIVERED)).taken()
    assert world.status is SENT
    assert await world.after(4.9) == 0
    assert await world.after(0.1) == 1
    assert [reference for _, reference in world.reports.asked] == ["r-7"]
    row = world.queue.rows[world.one.id]
    assert (row.status, row.by) == (DELIVERED, "ALIMTALK")
    assert await world.after(100_000) == 0
    assert world.metrics.counts == [("concert_deliveries_total", {"channel": "ALIMTALK", "fate": "DELIVERED"})]


async def test_it_is_asked_less_and_less_often_and_not_for_ever() -> None:
    world = await World(UNDER_WAY).taken()
    looked: list[float] = []
    while world.status is SENT:
        if await world.after(1):
            looked.append((world.clock.now() - world.one.created_at).total_seconds())
    first, *others = [later - earlier for earlier, later in zip([0.0, *looked], looked, strict=False)]
    assert (first, others[: len(WAITS)]) == (5.0, list(WAITS))
    assert set(others[len(WAITS) :]) == {WAITS[-1]}
    assert len(looked) < 25
    assert DEADLINES[Channel.ALIMTALK].total_seconds() < looked[-1] <= DEADLINES[Channel.ALIMTALK].total_seconds() + WAITS[-1]
    assert (world.status, world.queue.rows[world.one.id].fault) == (UNCONFIRMED, "READY")
    assert len(world.queue.rows) == 1, "no SMS"


async def test_what_the_dealer_sent_on_has_arrived() -> None:
    world = await World(Report(fate=Fate.DELIVERED_BY_DEALER, note="FAILED 3019 RSC04")).taken()
    await world.after(5)
    row = world.queue.rows[world.one.id]
    assert (row.status, row.by, row.fault, len(world.queue.rows)) == (DELIVERED, "DEALER", "FAILED 3019 RSC04", 1)


async def test_what_failed_for_good_goes_by_sms_once() -> None:
    world = await World(Report(fate=Fate.NOT_DELIVERED, note="FAILED 3019 RSC01")).taken()
    await world.after(5)
    sms = notification(channel=Channel.SMS)
    assert (world.status, world.queue.rows[world.one.id].fault, world.queue.status(sms.id)) == (FAILED, "FAILED 3019 RSC01", PENDING)
    assert await world.after(100_000) == 0
    assert len(world.queue.rows) == 2


async def test_an_sms_that_failed_for_good_is_the_end() -> None:
    world = await World(Report(fate=Fate.NOT_DELIVERED, note="0 3003"), channel=Channel.SMS).taken()
    await world.after(5)
    assert (world.status, len(world.queue.rows)) == (FAILED, 1)


async def test_a_doubtful_delivery_gets_no_second_message() -> None:
    doubtful = Report(fate=Fate.DOUBTFUL, note="FAILED 3005 RSC01")
    world = await World(doubtful).taken()
    while world.status is SENT:
        await world.after(600)
    assert (world.status, len(world.queue.rows)) == (UNCONFIRMED, 1)


async def test_a_doubtful_delivery_that_fails_in_the_end_does() -> None:
    world = await World(Report(fate=Fate.DOUBTFUL), Report(fate=Fate.NOT_DELIVERED)).taken()
    await world.after(5)
    assert (world.status, len(world.queue.rows)) == (SENT, 1)
    await world.after(15)
    assert (world.status, len(world.queue.rows)) == (FAILED, 2)


@pytest.mark.parametrize("fault", [ChannelUnavailable("ReadTimeout"), RuntimeError("a mistake of ours"), Rejected("?")], ids=repr)
async def test_a_provider_that_cannot_be_asked_decides_nothing(fault: Exception) -> None:
    world = await World(fault).taken()
    for _ in range(50):
        await world.after(300)
    assert (world.status, len(world.queue.rows)) == (SENT, 1)
    assert len(world.reports.asked) == 50, "asked at least every five minutes: it may have had the answer for long"
    world.reports.answers = [Report(fate=Fate.DELIVERED)]
    await world.after(300)
    assert world.status is DELIVERED


async def test_whose_lease_ran_out_writes_nothing() -> None:
    world = await World(Report(fate=Fate.NOT_DELIVERED)).taken()

    class Slow(Reports):
        async def report(self, notification: Notification, reference: str) -> Report:
            world.clock.move(timedelta(seconds=31))
            queue = MemoryDeliveryQueue(world.queue)
            [other] = await queue.claim("follower-2", 10, 30)
            assert other.notification.id == notification.id
            return await super().report(notification, reference)

    world.follow._reports = {Channel.ALIMTALK: Slow(Report(fate=Fate.NOT_DELIVERED))}
    await world.after(5)
    assert (world.status, len(world.queue.rows)) == (SENT, 1)


async def test_one_that_breaks_ends_no_other() -> None:
    world = await World(UNDER_WAY).taken()
    two = notification(2)
    world.queue.add(two)
    await world.queue.claim("notifier", 10, 30)
    await world.queue.mark_sent("notifier", two.id, "r-8")

    class Breaking(Reports):
        async def report(self, notification: Notification, reference: str) -> Report:
            if notification.id == two.id:
                raise KeyError("facts")
            return Report(fate=Fate.DELIVERED)

    world.follow._reports = {Channel.ALIMTALK: Breaking(UNDER_WAY)}
    assert await world.after(5) == 2
    assert (world.status, world.queue.status(two.id)) == (DELIVERED, SENT)


async def test_looks_keep_to_the_provider_s_turns() -> None:
    class Limiter:
        def __init__(self) -> None:
            self.refuses = True

        async def take_turn(self, provider: str) -> None:
            if self.refuses:
                raise RateLimited(provider, retry_after=1.0)

        async def pause(self, provider: str, seconds: float) -> None: ...

    limiter, reports = Limiter(), Reports(Report(fate=Fate.DELIVERED))
    paced = PacedReports("alimtalk", reports, limiter)
    with pytest.raises(ChannelUnavailable, match=r"^it is not our turn$"):
        await paced.report(notification(), "r")
    assert reports.asked == []
    limiter.refuses = False
    assert await paced.report(notification(), "r") == Report(fate=Fate.DELIVERED)


async def test_a_batch_is_looked_at_side_by_side_and_no_larger_than_asked_for() -> None:
    world = await World(UNDER_WAY).taken()
    for number in range(2, 11):
        world.queue.add(notification(number))
    for due in await world.queue.claim("notifier", 100, 30):
        await world.queue.mark_sent("notifier", due.notification.id, "r")
    at_once = most = 0

    class Counting(Reports):
        async def report(self, notification: Notification, reference: str) -> Report:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0)
            at_once -= 1
            return Report(fate=Fate.DELIVERED)

    world.follow._reports, world.follow._batch = {Channel.ALIMTALK: Counting(UNDER_WAY)}, 4
    assert [await world.after(5), await world.after(0), await world.after(0), await world.after(0)] == [4, 4, 2, 0]
    assert most == 4
