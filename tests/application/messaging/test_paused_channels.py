"""A channel that is left alone for a while: its circuit is open, or its provider asked for it."""

from datetime import timedelta

import pytest

from application.messaging.send_notifications import GIVE_UP_AFTER, PAUSE_PATIENCE
from domain.errors import ChannelPaused, ChannelThrottled, ChannelUnavailable
from domain.notification import Channel
from tests.adapters.notification.scene import notification
from tests.application.messaging.sending_scene import FAILED, PENDING, SENT, World, away, nothing_left


async def test_a_channel_that_is_left_alone_costs_no_try_and_leads_to_no_other() -> None:
    world = World()
    world.alimtalk.sends = [ChannelPaused("circuit open", retry_after=20.0) for _ in range(10)]
    for _ in range(10):
        assert await world.after(21) == 1
    row = world.queue.rows[notification().id]
    assert (world.status(), row.attempts, row.first_attempt_at, row.fault) == (PENDING, 0, None, "circuit open")
    assert list(world.queue.rows) == [notification().id]
    assert world.sms.asked == []
    # It waits as long as it is told to.
    assert await world.after(19) == 0
    assert await world.after(2) == 1
    assert (world.alimtalk.asked, world.status()) == (["send"] * 11, SENT)


async def test_a_pause_after_attempts_that_may_have_left_keeps_those() -> None:
    world = World()
    world.alimtalk.sends = [away(), ChannelPaused("circuit open", retry_after=1.0)]
    await world.send()
    first = world.queue.rows[notification().id].first_attempt_at
    await world.after(60)
    row = world.queue.rows[notification().id]
    assert (row.attempts, row.first_attempt_at, row.last_attempt_at) == (1, first, first)


@pytest.mark.parametrize("pause", [ChannelPaused("circuit open", retry_after=1.0), ChannelThrottled("HTTP 429", retry_after=1.0)], ids=str)
async def test_where_no_attempt_can_have_arrived_the_fan_does_not_wait_for_ever(pause: ChannelUnavailable) -> None:
    world = World()
    world.alimtalk.sends = [pause for _ in range(1000)]
    await world.send()
    while world.status() is PENDING:
        await world.after(30)
    assert PAUSE_PATIENCE < world.clock.now() - notification().created_at <= PAUSE_PATIENCE + timedelta(minutes=1)
    assert (world.status(), world.queue.status(world.backup)) == (FAILED, PENDING)
    await world.send()
    assert world.sms.asked == ["send"]


async def test_a_pause_behind_an_attempt_that_may_have_left_waits_for_a_look_to_say_it_did_not() -> None:
    world = World()
    world.alimtalk.sends = [away(), *(ChannelPaused("circuit open", retry_after=1.0) for _ in range(1000))]
    world.alimtalk.finds = [away() for _ in range(5)]
    await world.send()
    for _ in range(5):
        await world.after(1200)
        assert (world.status(), len(world.queue.rows)) == (PENDING, 1)
    await world.after(1200)
    assert (world.status(), world.queue.status(world.backup)) == (FAILED, PENDING)


async def test_a_pause_does_not_keep_the_last_channel_s_message_for_more_than_a_day() -> None:
    sms = notification(channel=Channel.SMS)
    world = World(sms)
    world.sms.sends = [ChannelPaused("circuit open", retry_after=1.0) for _ in range(10)]
    await world.after(GIVE_UP_AFTER.total_seconds() - 1)
    assert world.status(sms) is PENDING
    await world.after(2)
    assert (world.status(sms), list(world.queue.rows)) == (FAILED, [sms.id])


async def test_attempts_that_found_nobody_before_a_pause_are_none() -> None:
    world = World()
    world.alimtalk.sends = [nothing_left(), ChannelPaused("circuit open", retry_after=1.0)]
    await world.send()
    row = world.queue.rows[notification().id]
    assert (row.attempts, row.first_attempt_at) == (0, None)
