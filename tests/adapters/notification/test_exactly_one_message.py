"""Whatever is killed, and whenever: the fan reads one message."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.sql.database import database_at
from adapters.sql.migrate import migrate
from application.messaging.follow_deliveries import FollowDeliveries
from application.messaging.send_notifications import GRACE, KNOWN_BY_NHN, LEASE_SECONDS, NEVER, SendNotifications
from application.ports.notification_channel import NotificationChannel
from domain.notification import Channel, Notification, NotificationStatus
from entrypoints.simulators.faults import FaultKind, Provider
from entrypoints.simulators.mailbox import Search
from tests.adapters.notification.scene import PHONE, SENDER_NUMBER, Provided, notification, provided
from tests.application.test_retrying import Counted, FakeTime, FullChance
from tests.contracts.clocks import FixedClock
from tests.contracts.test_notification_queue import put, row_of
from tests.fakes.notification_queue import MemoryDeliveryQueue, MemoryNotificationQueue
from tests.fakes.served import served

OPEN = {NotificationStatus.PENDING, NotificationStatus.SENT}


class Killed(BaseException):
    """Nothing of the process runs after this."""


class Death:
    """Counts the moments before and after each step that leaves the process; comes at one of them, once. 0: never."""

    def __init__(self, moment: int = 0) -> None:
        self._moment = moment
        self.moments: list[str] = []
        self.died = False

    def pass_by(self, moment: str) -> None:
        if self.died:
            return
        self.moments.append(moment)
        if len(self.moments) == self._moment:
            self.died = True
            raise Killed


class Mortal:
    """Around whatever has asynchronous methods: each is a step."""

    def __init__(self, thing: object, death: Death) -> None:
        self._thing, self._death = thing, death

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        async def step(*arguments: object) -> object:
            self._death.pass_by(f"before {name}")
            answer = await getattr(self._thing, name)(*arguments)
            self._death.pass_by(f"after {name}")
            return answer

        return step


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """``sets`` what goes wrong, for one message; the fan then has to have read just ``reads``, over the channels it ends on.

    ``passes``: a notifier that comes up after it may get through, and then the fan has read just an AlimTalk.
    """

    sets: Callable[[Provided, "House"], None] = lambda provided, house: None
    reads: tuple[str, ...] = ("ALIMTALK",)
    ends: Mapping[Channel, NotificationStatus]
    passes: bool = False


class House:
    """One provider's two channels, as they are asked."""

    def __init__(self, provider: Provided, *, solapi: bool, trouble: str = "none") -> None:
        dealer = trouble == "sent on by the dealer"
        codes = {"PAYMENT_COMPLETED": "not-registered"} if "refused" in trouble else {}
        if solapi:
            alimtalk = provider.solapi(dealer_sends_on=dealer, template_codes=codes)
            self.channels: Mapping[Channel, object] = {Channel.ALIMTALK: alimtalk, Channel.SMS: provider.solapi(Channel.SMS)}
        else:
            sender = SENDER_NUMBER if dealer else None
            self.channels = {Channel.ALIMTALK: provider.alimtalk(failover_sender=sender, template_codes=codes), Channel.SMS: provider.sms()}
        self.repeats_known = NEVER if solapi else KNOWN_BY_NHN
        self.alimtalk = Provider.SOLAPI if solapi else Provider.ALIMTALK
        self.sms = Provider.SOLAPI if solapi else Provider.SMS


def undelivered(code: int, resend_status: str) -> Callable[[Provided, House], None]:
    return lambda provided, house: provided.fault(FaultKind.UNDELIVERED, house.alimtalk, code=code, resend_status=resend_status)


def unanswered(*kinds: FaultKind) -> Callable[[Provided, House], None]:
    def sets(provided: Provided, house: House) -> None:
        for kind in kinds:
            provided.fault(kind, house.alimtalk)

    return sets


def backup_unanswered(provided: Provided, house: House) -> None:
    """A fault is taken by who sends first: where AlimTalk is refused for good, and the provider is one, that is AlimTalk."""
    for _ in range(2 if house.alimtalk is house.sms else 1):
        provided.fault(FaultKind.DROP_REPLY, house.sms)


DELIVERED, FAILED, UNCONFIRMED = NotificationStatus.DELIVERED, NotificationStatus.FAILED, NotificationStatus.UNCONFIRMED
BY_ALIMTALK = {Channel.ALIMTALK: DELIVERED}
BY_SMS = {Channel.ALIMTALK: FAILED, Channel.SMS: DELIVERED}

TROUBLES = {
    "none": Trouble(ends=BY_ALIMTALK),
    "refused": Trouble(reads=("LMS",), ends=BY_SMS),
    "not on Kakao": Trouble(sets=undelivered(3104, "RSC01"), reads=("LMS",), ends=BY_SMS),
    "sent on by the dealer": Trouble(sets=undelivered(3104, "RSC04"), reads=("LMS",), ends=BY_ALIMTALK),
    "an answer lost": Trouble(sets=unanswered(FaultKind.DROP_REPLY), ends=BY_ALIMTALK),
    "a request lost": Trouble(sets=unanswered(FaultKind.DROP_REQUEST), ends=BY_ALIMTALK),
    "both": Trouble(sets=unanswered(FaultKind.DROP_REQUEST, FaultKind.DROP_REPLY), ends=BY_ALIMTALK),
    "three errors": Trouble(sets=unanswered(*[FaultKind.ERROR] * 3), reads=("LMS",), ends=BY_SMS, passes=True),
    "refused, and an answer of the backup lost": Trouble(sets=backup_unanswered, reads=("LMS",), ends=BY_SMS),
}


async def until_it_ended(provider: Provided, house: House, one: Notification, death: Death, away_for: timedelta) -> Mapping[Channel, str]:
    """Notifiers and followers of which one dies, and those after it, the next of which comes up ``away_for`` later."""
    queue = MemoryNotificationQueue(provider.clock, one)
    mortals = {channel: Mortal(each, death) for channel, each in house.channels.items()}
    for generation in range(60):
        owner = f"process-{generation}"
        send = SendNotifications(
            Mortal(queue, death),  # type: ignore[arg-type]
            mortals,  # type: ignore[arg-type]
            provider.clock,
            FakeTime(),
            FullChance(),
            Counted(),
            owner,
            repeats_known=house.repeats_known,
        )
        deliveries = Mortal(MemoryDeliveryQueue(queue), death)
        follow = FollowDeliveries(deliveries, mortals, provider.clock, FullChance(), Counted(), owner)  # type: ignore[arg-type]
        try:
            await send()
            await follow()
            provider.clock.move(timedelta(seconds=LEASE_SECONDS))
        except Killed:
            provider.clock.move(away_for)
        if not OPEN & {row.status for row in queue.rows.values()}:
            return {row.notification.channel: row.status for row in queue.rows.values()}
    raise AssertionError(queue.rows)


@pytest.mark.parametrize("solapi", [False, True], ids=["nhn", "solapi"])
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_whoever_is_killed_at_whatever_moment(provider: Provided, trouble: str, solapi: bool) -> None:
    """Every moment that there is, with another who takes over at once, or when the provider no longer knows repeats."""
    told = TROUBLES[trouble]
    house = House(provider, solapi=solapi, trouble=trouble)
    allowed = [(told.reads, told.ends), *([(("ALIMTALK",), BY_ALIMTALK)] if told.passes else [])]
    number, death = 0, Death()
    for moment in range(100):
        for away_for in (timedelta(seconds=LEASE_SECONDS), timedelta(minutes=11)):
            number += 1
            one = notification(number, phone=f"010{number:08}")
            provider.app.state.faults.clear()
            told.sets(provider, house)
            death = Death(moment)
            ended = await until_it_ended(provider, house, one, death, away_for)
            read = tuple(mail.kind for mail in await provider.received(one.phone or ""))
            assert (read, ended) in allowed[: 2 if death.died else 1], (death.moments[-1] if death.died else "nobody died", away_for)
        if moment and not death.died:
            break
    assert 12 < moment == len(death.moments) + 1, "not all of the moments that there are"


@pytest.mark.parametrize("solapi", [False, True], ids=["nhn", "solapi"])
async def test_a_doubtful_delivery_is_never_doubled(provider: Provided, solapi: bool) -> None:
    house = House(provider, solapi=solapi)
    undelivered(3014 if solapi else 3005, "RSC01")(provider, house)
    queue = MemoryNotificationQueue(provider.clock, notification())
    time = (provider.clock, FakeTime(), FullChance(), Counted(), "process-1")
    await SendNotifications(queue, house.channels, *time, repeats_known=house.repeats_known)()  # type: ignore[arg-type]
    follow = FollowDeliveries(MemoryDeliveryQueue(queue), house.channels, provider.clock, FullChance(), Counted(), "process-1")  # type: ignore[arg-type]
    while queue.status(notification().id) is NotificationStatus.SENT:
        provider.clock.move(timedelta(hours=1))
        await follow()
    assert {row.notification.channel: row.status for row in queue.rows.values()} == {Channel.ALIMTALK: UNCONFIRMED}
    assert [mail.kind for mail in await provider.mailbox.search(Search(phone=PHONE))] == ["ALIMTALK"]


class SlowWay:
    """The first message that is sent arrives when the test says so; its sender may be gone by then."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._first = True
        self.arrives = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST" and self._first:
            self._first = False
            request = await receive()
            assert not request.get("more_body")
            await self.arrives.wait()

            async def receive() -> Message:
                return request

        await self._app(scope, receive, send)


async def test_a_request_on_its_way_beside_a_refused_repeat_is_waited_for(provider: Provided) -> None:
    """It arrives after the repeat was refused and a look had found nothing."""
    queue = MemoryNotificationQueue(provider.clock, notification())
    way = SlowWay(provider.app)
    async with served(Starlette(routes=[Mount("/", way)])) as url:
        alimtalk = provider.alimtalk(url=url, read_seconds=0.2)
        channels: Mapping[Channel, NotificationChannel] = {Channel.ALIMTALK: alimtalk, Channel.SMS: provider.sms()}
        send = SendNotifications(queue, channels, provider.clock, FakeTime(), FullChance(), Counted(), "process-1")
        provider.fault(FaultKind.REFUSE, code=-1027)
        for _ in range(2):
            await send()
            provider.clock.move(timedelta(seconds=2))
            assert (await provider.received(), list(queue.rows)) == ([], [notification().id])

        async def arrived() -> bool:
            return len(await provider.received()) == 1

        way.arrives.set()
        await come_true(arrived)
        provider.clock.move(timedelta(seconds=GRACE))
        await send()
    assert {row.notification.channel: row.status for row in queue.rows.values()} == {Channel.ALIMTALK: NotificationStatus.SENT}
    assert [mail.kind for mail in await provider.received()] == ["ALIMTALK"]


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
        return not {(await row_of(database, fan)).status for fan in fans} - {NotificationStatus.SENT, NotificationStatus.DELIVERED}

    async with provided(tmp_path, FixedClock(created)) as provider:
        provider.fault(FaultKind.DELAY_REPLY, times=None, seconds=0.1)
        for generation, enough in enumerate((5, 13, 22, None)):
            process = await notifying(url, provider.url, f"notifier-{generation}")

            async def taken(enough: int = enough or 0) -> bool:
                return len(await provider.received()) >= enough

            await come_true(all_sent if enough is None else taken, 60)
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
        mails = await provider.mailbox.search(Search(phone=PHONE, limit=1000))
    attempts = [(await row_of(database, fan)).attempts for fan in fans]
    await database.close()
    assert sorted(UUID(mail.grouping_key) for mail in mails) == sorted(fan.id for fan in fans)
    assert max(attempts) > 1, "nobody was killed between the sending and the record"
