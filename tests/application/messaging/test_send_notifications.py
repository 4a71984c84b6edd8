"""Sending: when a fan is sent what over which channel, and when not."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from application.messaging.send_notifications import GIVE_UP_AFTER, GRACE, NEVER, SendNotifications
from application.ports.notification_channel import Receipt, Rejected
from domain.notification import Channel, Notification
from tests.adapters.notification.scene import notification
from tests.application.messaging.sending_scene import FAILED, OK, PENDING, SENT, Scripted, World, away, nothing_left
from tests.application.test_retrying import FakeTime, FullChance


async def test_the_first_attempt_sends_at_once_and_is_recorded() -> None:
    world = World()
    assert await world.send() == 1
    assert (world.alimtalk.asked, world.status(), world.queue.rows[notification().id].reference) == (["send"], SENT, "r")
    assert await world.after(3600) == 0


async def test_the_attempt_is_written_before_it_is_made() -> None:
    world = World()
    seen: list[int] = []

    class Looking(Scripted):
        async def send(self, notification: Notification) -> Receipt:
            seen.append(world.queue.rows[notification.id].attempts)
            return await super().send(notification)

    world.send._channels = {Channel.ALIMTALK: Looking()}
    await world.send()
    assert seen == [1]


async def test_a_repeat_within_ten_minutes_is_sent_again_without_looking() -> None:
    world = World()
    world.alimtalk.sends = [away(), away()]
    await world.send()
    assert world.status() is PENDING
    await world.after(60)
    await world.after(60)
    assert (world.alimtalk.asked, world.status()) == (["send", "send", "send"], SENT)
    assert world.sms.asked == []


async def test_a_repeat_later_than_that_looks_first() -> None:
    world = World()
    world.alimtalk.sends, world.alimtalk.finds = [away()], [OK]
    await world.send()
    await world.after(600)
    assert (world.alimtalk.asked, world.status()) == (["send", "find"], SENT)


async def test_what_is_not_found_later_is_sent_again() -> None:
    world = World()
    world.alimtalk.sends = [away()]
    await world.send()
    await world.after(600)
    assert (world.alimtalk.asked, world.status()) == (["send", "find", "send"], SENT)
    assert world.sms.asked == []


async def test_after_three_unanswered_tries_only_a_look_decides_and_not_before_the_grace() -> None:
    world = World()
    world.alimtalk.sends = [away(), away(), away()]
    for _ in range(3):
        await world.after(60)
    assert await world.after(GRACE - 1) == 0
    assert await world.after(1) == 1
    assert world.alimtalk.asked == ["send", "send", "send", "find"]
    assert (world.status(), world.queue.status(world.backup)) == (FAILED, PENDING)
    await world.send()
    assert (world.sms.asked, world.queue.status(world.backup)) == (["send"], SENT)


async def test_an_answer_that_is_merely_late_sends_no_sms() -> None:
    world = World()
    world.alimtalk.sends, world.alimtalk.finds = [away(), away(), away()], [away(), OK]
    for _ in range(6):
        await world.after(300)
    assert (world.status(), world.sms.asked, len(world.queue.rows)) == (SENT, [], 1)


async def test_where_nothing_can_have_left_the_backup_takes_over() -> None:
    world = World()
    world.alimtalk.sends = [nothing_left(), nothing_left(), nothing_left()]
    await world.send()
    assert world.alimtalk.asked == ["send", "send", "send"]
    assert world.time.slept == [0.5, 1.0]
    assert (world.status(), world.queue.rows[notification().id].fault) == (FAILED, "ConnectError")
    await world.send()
    assert (world.sms.asked, world.queue.status(world.backup)) == (["send"], SENT)


async def test_a_provider_that_comes_back_between_two_tries_gets_the_message() -> None:
    world = World()
    world.alimtalk.sends = [nothing_left(), OK]
    await world.send()
    assert (world.status(), len(world.queue.rows)) == (SENT, 1)


@pytest.mark.parametrize("first", [[away()], [nothing_left(), away()]], ids=["unanswered", "unanswered-after-nothing-left"])
async def test_nothing_left_now_says_nothing_of_an_earlier_attempt(first: list[Receipt | Exception]) -> None:
    world = World()
    world.alimtalk.sends = [*first, nothing_left(), nothing_left(), nothing_left()]
    await world.send()
    await world.after(60)
    assert (world.status(), len(world.queue.rows)) == (PENDING, 1)
    assert await world.after(GRACE - 1) == 0, "the earlier attempt gets its time to arrive"
    world.alimtalk.finds = [OK]
    await world.after(1)
    assert (world.status(), world.sms.asked) == (SENT, [])


async def test_a_final_refusal_goes_to_the_backup() -> None:
    world = World()
    world.alimtalk.sends = [Rejected("result -5000")]
    await world.send()
    assert (world.status(), world.queue.rows[notification().id].fault) == (FAILED, "result -5000")
    backup = world.queue.rows[world.backup].notification
    assert (backup.channel, backup.phone, backup.facts, backup.template) == (
        Channel.SMS,
        notification().phone,
        notification().facts,
        notification().template,
    )


async def test_a_refusal_of_the_repeat_is_no_refusal_of_what_was_taken_before() -> None:
    world = World()
    world.alimtalk.sends, world.alimtalk.finds = [away(), Rejected("result -1027")], [OK]
    await world.send()
    await world.after(60)
    assert (world.alimtalk.asked, world.status(), len(world.queue.rows)) == (["send", "send", "find"], SENT, 1)


async def test_a_refusal_beside_an_attempt_that_may_still_arrive_waits_for_a_look_past_the_grace() -> None:
    world = World()
    world.alimtalk.sends = [away(), Rejected("result -1027"), Rejected("result -1027")]
    await world.send()
    assert await world.after(10) == 1
    row = world.queue.rows[notification().id]
    assert (world.alimtalk.asked, world.status(), row.attempts, len(world.queue.rows)) == (["send", "send", "find"], PENDING, 1, 1)
    assert await world.after(GRACE - 10 - 1) == 0
    assert await world.after(1) == 1
    assert (world.alimtalk.asked[3:], world.status()) == (["send", "find"], FAILED)
    assert (row.fault, world.queue.status(world.backup)) == ("result -1027", PENDING)


async def test_what_arrives_beside_a_refusal_gets_no_sms() -> None:
    world = World()
    world.alimtalk.sends, world.alimtalk.finds = [away(), Rejected("result -1027"), Rejected("result -1027")], [None, OK]
    await world.send()
    await world.after(10)
    await world.after(GRACE)
    assert (world.status(), world.queue.rows[notification().id].reference, len(world.queue.rows)) == (SENT, "r", 1)


async def test_a_refusal_beside_another_attempt_that_cannot_be_looked_up_is_no_reason_for_an_sms() -> None:
    world = World()
    world.alimtalk.sends, world.alimtalk.finds = [away(), Rejected("result -1027")], [away()]
    await world.send()
    await world.after(60)
    assert (world.alimtalk.asked, world.status(), len(world.queue.rows)) == (["send", "send", "find"], PENDING, 1)


@pytest.mark.parametrize("found", [None, OK], ids=["not-found", "found"])
async def test_what_a_killed_notifier_began_a_moment_ago_is_not_looked_for_yet(found: Receipt | None) -> None:
    """Its last attempt may have left just before its lease ran out: a look that finds nothing then would say nothing."""
    world = World()
    world.alimtalk.sends, world.alimtalk.finds = [away(), away()], [found]
    for _ in range(2):
        await world.after(60)
    world.clock.move(timedelta(seconds=60))
    [due] = await world.queue.claim("killed", 10, 30)
    world.clock.move(timedelta(seconds=29))
    assert await world.queue.begin_attempt("killed", due.notification.id)
    assert await world.after(1) == 1
    assert (world.alimtalk.asked, world.status(), len(world.queue.rows)) == (["send", "send"], PENDING, 1)
    assert await world.after(GRACE - 2) == 0
    assert await world.after(1) == 1
    assert world.alimtalk.asked == ["send", "send", "find"]
    assert (world.status(), len(world.queue.rows)) == ((FAILED, 2) if found is None else (SENT, 1))


async def test_a_delivery_that_failed_for_good_goes_to_the_backup() -> None:
    world = World()
    world.alimtalk.sends, world.alimtalk.finds = [away()], [Rejected("delivery 3019")]
    await world.send()
    await world.after(600)
    assert (world.status(), world.queue.status(world.backup)) == (FAILED, PENDING)


async def test_an_sms_is_never_sent_again_without_a_look() -> None:
    sms = notification(channel=Channel.SMS)
    world = World(sms)
    world.sms.sends, world.sms.finds = [away()], [OK]
    await world.send()
    assert await world.after(GRACE - 1) == 0
    await world.after(1)
    assert (world.sms.asked, world.status(sms)) == (["send", "find"], SENT)


async def test_the_last_channel_is_tried_until_a_day_has_passed() -> None:
    sms = notification(channel=Channel.SMS)
    world = World(sms)
    world.sms.sends = [nothing_left() for _ in range(10_000)]
    await world.send()
    while world.status(sms) is PENDING:
        await world.after(300)
    first = world.queue.rows[sms.id].first_attempt_at
    assert first is not None
    assert GIVE_UP_AFTER < world.clock.now() - first < GIVE_UP_AFTER + timedelta(minutes=10)
    assert (world.status(sms), len(world.queue.rows)) == (FAILED, 1)


async def test_an_sms_that_is_refused_has_no_further_channel() -> None:
    sms = notification(channel=Channel.SMS)
    world = World(sms)
    world.sms.sends = [Rejected("result -6001")]
    await world.send()
    assert (world.status(sms), len(world.queue.rows)) == (FAILED, 1)


async def test_whose_lease_ran_out_sends_nothing() -> None:
    world = World()
    world.alimtalk.sends = [nothing_left()]

    class Slow(FakeTime):
        async def sleep(self, seconds: float) -> None:
            world.clock.move(timedelta(seconds=31))

    world.send._sleeper = Slow()
    await world.send()
    assert (world.alimtalk.asked, world.queue.rows[notification().id].attempts, len(world.queue.rows)) == (["send"], 1, 1)


async def test_a_batch_is_sent_side_by_side_and_no_larger_than_asked_for() -> None:
    ten = [notification(number) for number in range(1, 11)]
    world = World(*ten, batch=4)
    at_once = 0

    class Counting(Scripted):
        now = 0

        async def send(self, notification: Notification) -> Receipt:
            nonlocal at_once
            self.now += 1
            at_once = max(at_once, self.now)
            await asyncio.sleep(0)
            self.now -= 1
            return OK

    world.send._channels = {Channel.ALIMTALK: Counting()}
    assert [await world.send() for _ in range(4)] == [4, 4, 2, 0]
    assert at_once == 4


async def test_what_breaks_over_one_message_keeps_none_from_being_sent_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    broken, fine = notification(1), notification(2)
    world = World(broken, fine)

    class Breaking(Scripted):
        async def send(self, notification: Notification) -> Receipt:
            if notification.id == broken.id:
                raise RuntimeError("a mistake of ours")
            return OK

    world.send._channels = {Channel.ALIMTALK: Breaking(), Channel.SMS: world.sms}
    assert await world.send() == 2
    assert (world.status(fine), world.status(broken), world.queue.rows[broken.id].fault) == (SENT, PENDING, "RuntimeError")
    assert [(record.levelname, record.exc_info is not None) for record in caplog.records] == [("ERROR", True)]
    for _ in range(4):
        await world.after(60)
    assert (world.status(broken), world.sms.asked) == (FAILED, ["send"]), "none of its attempts had arrived"


async def test_a_notifier_that_is_cancelled_is_cancelled() -> None:
    world = World()

    class Hanging(Scripted):
        async def send(self, notification: Notification) -> Receipt:
            await asyncio.sleep(60)
            return OK

    world.send._channels = {Channel.ALIMTALK: Hanging()}
    sending = asyncio.create_task(world.send())
    await asyncio.sleep(0.01)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert (world.status(), world.queue.rows[notification().id].attempts) == (PENDING, 1)


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (lambda world: None, "sent"),
        (lambda world: world.alimtalk.sends.append(away()), "later"),
        (lambda world: world.alimtalk.sends.append(Rejected("no")), "failed"),
    ],
)
async def test_each_end_is_counted(script: Callable[[World], None], outcome: str) -> None:
    world = World()
    script(world)
    await world.send()
    assert world.metrics.counts == [("concert_notifications_total", {"channel": "ALIMTALK", "outcome": outcome})]


async def test_a_provider_that_knows_no_repeats_is_looked_at_before_each() -> None:
    world = World()
    channels = {Channel.ALIMTALK: world.alimtalk, Channel.SMS: world.sms}
    world.send = SendNotifications(
        world.queue, channels, world.clock, world.time, FullChance(), world.metrics, "notifier-1", repeats_known=NEVER
    )
    world.alimtalk.sends, world.alimtalk.finds = [away()], [OK]
    await world.send()
    assert await world.after(GRACE - 1) == 0
    await world.after(1)
    assert (world.alimtalk.asked, world.status()) == (["send", "find"], SENT)
