"""Several notifications about one thing: they come in their order, and after an hour only what is still true."""

import asyncio
from typing import Any
from uuid import UUID

from application.ports.notification_channel import Receipt
from domain.notification import Channel, Notification
from tests.adapters.notification.scene import notification
from tests.application.messaging.sending_scene import OK, OUTDATED, PENDING, SENT, Scripted, World, away

RESERVATION = UUID(int=77)


def told(number: int, template: str, **changes: Any) -> Notification:
    return notification(number, template=template, about=RESERVATION, sequence=number, **changes)


async def test_what_follows_about_the_same_thing_waits_for_what_comes_first() -> None:
    paid, cancelled, other = told(1, "PAYMENT_COMPLETED"), told(2, "PAYMENT_CANCELLED"), notification(9, sequence=9)
    world = World(paid, cancelled, other)
    world.alimtalk.sends = [away()]
    assert await world.send() == 2
    assert [world.status(each) for each in (paid, cancelled, other)] == [PENDING, PENDING, SENT]
    await world.after(60)
    assert [world.status(each) for each in (paid, cancelled)] == [SENT, PENDING]
    await world.send()
    assert world.status(cancelled) is SENT


async def test_after_an_hour_only_what_is_true_is_told() -> None:
    paid, cancelled = told(1, "PAYMENT_COMPLETED"), told(2, "PAYMENT_CANCELLED")
    world = World(paid, cancelled)
    world.alimtalk.sends = [away()]
    world.alimtalk.finds = [away(), None]
    await world.send()
    assert await world.after(3599) == 1, "the first, whose look-up is not answered"
    await world.after(1)
    assert [world.status(each) for each in (paid, cancelled)] == [PENDING, SENT]
    await world.after(300)
    assert [world.status(each) for each in (paid, cancelled)] == [OUTDATED, SENT]
    assert world.alimtalk.asked == ["send", "find", "send", "find"]
    assert world.sms.asked == []


async def test_what_had_arrived_before_it_was_untrue_is_not_called_outdated() -> None:
    paid, cancelled = told(1, "PAYMENT_COMPLETED"), told(2, "PAYMENT_CANCELLED")
    world = World(paid, cancelled)
    world.alimtalk.sends = [away()]
    world.alimtalk.finds = [away(), OK]
    await world.send()
    for seconds in (3599, 1, 300):
        await world.after(seconds)
    assert [world.status(each) for each in (paid, cancelled)] == [SENT, SENT]


async def test_both_that_come_due_together_after_an_hour_leave_in_their_order() -> None:
    paid, cancelled = told(1, "PAYMENT_COMPLETED"), told(2, "PAYMENT_CANCELLED")
    world = World(cancelled, paid)
    sent: list[str] = []

    class Listing(Scripted):
        async def send(self, notification: Notification) -> Receipt:
            await asyncio.sleep(0.01 if notification.sequence == 1 else 0)
            sent.append(notification.template)
            return OK

    world.send._channels = {Channel.ALIMTALK: Listing()}
    assert await world.after(3600) == 2
    assert sent == ["PAYMENT_COMPLETED", "PAYMENT_CANCELLED"]


async def test_the_backup_of_what_is_no_longer_true_is_not_sent() -> None:
    paid = told(1, "PAYMENT_COMPLETED", channel=Channel.SMS)
    cancelled = told(2, "PAYMENT_CANCELLED")
    world = World(paid, cancelled)
    world.queue.rows[cancelled.id].first_attempt_at = world.clock.now()
    await world.send()
    assert (world.status(paid), world.sms.asked) == (OUTDATED, [])


async def test_a_returned_charge_makes_no_payment_untrue() -> None:
    paid, returned = told(1, "PAYMENT_COMPLETED"), told(2, "CHARGE_RETURNED")
    world = World(paid, returned)
    world.queue.rows[returned.id].first_attempt_at = world.clock.now()
    await world.send()
    assert world.status(paid) is SENT
