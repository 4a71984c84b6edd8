"""Whatever is killed, and whenever: the fan reads one message."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from adapters.sql.database import database_at
from adapters.sql.migrate import migrate
from application.messaging.send_notifications import LEASE_SECONDS, SendNotifications
from application.ports.notification_channel import NotificationChannel, Receipt
from application.ports.notification_queue import NotificationQueue
from domain.ids import NotificationId
from domain.notification import Channel, Notification, NotificationStatus
from entrypoints.simulators.faults import FaultKind, Provider
from entrypoints.simulators.mailbox import Search
from tests.adapters.notification.scene import PHONE, Provided, notification, provided
from tests.application.test_retrying import Counted, FakeTime, FullChance
from tests.contracts.clocks import FixedClock
from tests.contracts.test_notification_queue import put, row_of
from tests.fakes.notification_queue import MemoryNotificationQueue

DONE = {NotificationStatus.SENT, NotificationStatus.FAILED}


class Killed(BaseException):
    """Nothing of the process runs after this."""


class KilledAt:
    """Counts the steps that leave the process, and dies around one of them: before it, or right after it."""

    def __init__(self, step: str, *, after: bool) -> None:
        self._step, self._after = step, after
        self.died = False

    def before(self, step: str) -> None:
        self._die_at(step, after=False)

    def after(self, step: str) -> None:
        self._die_at(step, after=True)

    def _die_at(self, step: str, *, after: bool) -> None:
        if not self.died and (step, after) == (self._step, self._after):
            self.died = True
            raise Killed


class MortalQueue:
    def __init__(self, queue: MemoryNotificationQueue, death: KilledAt) -> None:
        self._queue, self._death = queue, death
        self.claim = queue.claim
        self.postpone = queue.postpone

    async def begin_attempt(self, owner: str, notification_id: NotificationId) -> bool:
        channel = self._queue.rows[notification_id].notification.channel
        self._death.before(f"begin {channel}")
        begun = await self._queue.begin_attempt(owner, notification_id)
        self._death.after(f"begin {channel}")
        return begun

    async def mark_sent(self, owner: str, notification_id: NotificationId, provider_reference: str) -> None:
        channel = self._queue.rows[notification_id].notification.channel
        self._death.before(f"record {channel}")
        await self._queue.mark_sent(owner, notification_id, provider_reference)
        self._death.after(f"record {channel}")

    async def mark_failed(self, owner: str, notification_id: NotificationId, fault: str, backup: Notification | None) -> None:
        self._death.before("hand over to SMS")
        await self._queue.mark_failed(owner, notification_id, fault, backup)
        self._death.after("hand over to SMS")


class MortalChannel:
    def __init__(self, channel: NotificationChannel, death: KilledAt) -> None:
        self._channel, self._death = channel, death
        self.find = channel.find

    async def send(self, notification: Notification) -> Receipt:
        self._death.before(f"send {notification.channel}")
        receipt = await self._channel.send(notification)
        self._death.after(f"send {notification.channel}")
        return receipt


async def send_until_done(provider: Provided, queue: MemoryNotificationQueue, death: KilledAt, away_for: timedelta) -> None:
    """A notifier that dies once, and the ones after it, the next of which comes up ``away_for`` later."""
    channels: Mapping[Channel, NotificationChannel] = provider.channels()
    mortal: NotificationQueue = MortalQueue(queue, death)
    for generation in range(20):
        mortals = {channel: MortalChannel(each, death) for channel, each in channels.items()}
        send = SendNotifications(mortal, mortals, provider.clock, FakeTime(), FullChance(), Counted(), f"notifier-{generation}")
        alive = not death.died
        try:
            await send()
            provider.clock.move(timedelta(seconds=LEASE_SECONDS))
        except Killed:
            provider.clock.move(away_for)
        if not alive and all(row.notification.status in DONE for row in queue.rows.values()):
            return


@pytest.mark.parametrize("away_for", [timedelta(seconds=LEASE_SECONDS), timedelta(minutes=11), timedelta(days=1)], ids=str)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["begin ALIMTALK", "send ALIMTALK", "record ALIMTALK"])
async def test_a_notifier_killed_around_an_alimtalk(provider: Provided, step: str, after: bool, away_for: timedelta) -> None:
    queue = MemoryNotificationQueue(provider.clock, notification())
    death = KilledAt(step, after=after)
    await send_until_done(provider, queue, death, away_for)
    assert death.died
    assert [mail.kind for mail in await provider.received()] == ["ALIMTALK"]
    assert queue.status(notification().id) is NotificationStatus.SENT


@pytest.mark.parametrize("away_for", [timedelta(seconds=LEASE_SECONDS), timedelta(minutes=11), timedelta(days=1)], ids=str)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["hand over to SMS", "begin SMS", "send SMS", "record SMS"])
async def test_a_notifier_killed_around_the_backup(provider: Provided, step: str, after: bool, away_for: timedelta) -> None:
    provider.fault(FaultKind.REFUSE, code=-5000, times=None)
    queue = MemoryNotificationQueue(provider.clock, notification())
    death = KilledAt(step, after=after)
    await send_until_done(provider, queue, death, away_for)
    assert death.died
    assert [mail.kind for mail in await provider.received()] == ["LMS"]
    assert queue.status(notification(channel=Channel.SMS).id) is NotificationStatus.SENT


@pytest.mark.parametrize("away_for", [timedelta(seconds=LEASE_SECONDS), timedelta(minutes=11)], ids=str)
@pytest.mark.parametrize("fault", [FaultKind.DROP_REPLY, FaultKind.DROP_REQUEST, FaultKind.ERROR])
@pytest.mark.parametrize("failing", list(Provider))
async def test_answers_that_never_come_and_a_notifier_that_is_killed(
    provider: Provided, failing: Provider, fault: FaultKind, away_for: timedelta
) -> None:
    """Two answers are lost; then the notifier dies before it has written that the third one came."""
    first = notification(channel=Channel.ALIMTALK if failing is Provider.ALIMTALK else Channel.SMS)
    provider.fault(fault, failing, times=2)
    queue = MemoryNotificationQueue(provider.clock, first)
    await send_until_done(provider, queue, KilledAt(f"record {first.channel}", after=False), away_for)
    assert len(await provider.received()) == 1
    assert queue.status(first.id) is NotificationStatus.SENT


async def notifying(database_url: str, simulator_url: str, owner: str) -> asyncio.subprocess.Process:
    module = "tests.adapters.notification.notifier_process"
    return await asyncio.create_subprocess_exec(sys.executable, "-m", module, database_url, simulator_url, owner)


async def come_true(condition: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.01)


@pytest.mark.slow
async def test_processes_that_are_really_killed(tmp_path: Path) -> None:
    """kill -9 while answers are on their way; rows in SQLite, the provider over HTTP."""
    url = f"sqlite:///{tmp_path / 'concert.db'}"
    await migrate(url)
    database = database_at(url)
    await database.open()
    created = datetime.now(UTC)
    fans = [replace(notification(number), created_at=created) for number in range(1, 31)]
    await put(database, fans)

    async def all_sent() -> bool:
        return {(await row_of(database, fan)).status for fan in fans} == {NotificationStatus.SENT}

    async with provided(tmp_path, FixedClock(created)) as provider:
        provider.fault(FaultKind.DELAY_REPLY, times=None, seconds=0.1)
        for generation, enough in enumerate((5, 13, 22, None)):
            process = await notifying(url, provider.url, f"notifier-{generation}")

            async def taken(enough: int = enough or 0) -> bool:
                return len(await provider.received()) >= enough

            await come_true(all_sent if enough is None else taken)
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
        mails = await provider.mailbox.search(Search(phone=PHONE, limit=1000))
    attempts = [(await row_of(database, fan)).attempts for fan in fans]
    await database.close()
    assert sorted(UUID(mail.grouping_key) for mail in mails) == sorted(fan.id for fan in fans)
    assert max(attempts) > 1, "nobody was killed between the sending and the record"
