"""A notifier among a queue, a clock and channels that answer as they are told."""

from datetime import timedelta

from application.messaging.send_notifications import SendNotifications
from application.ports.notification_channel import NotSent, Receipt
from domain.errors import ChannelUnavailable
from domain.ids import NotificationId
from domain.notification import Channel, Notification, NotificationStatus
from tests.adapters.notification.scene import notification
from tests.application.test_retrying import Counted, FakeTime, FullChance
from tests.contracts.clocks import FixedClock
from tests.fakes.notification_queue import MemoryNotificationQueue

FAILED, PENDING, SENT = NotificationStatus.FAILED, NotificationStatus.PENDING, NotificationStatus.SENT
OUTDATED = NotificationStatus.OUTDATED
OK = Receipt(reference="r")


class Scripted:
    """Answers as it was told, and remembers what it was asked. Out of answers, everything is taken and nothing found."""

    def __init__(self, sends: list[Receipt | Exception] | None = None, finds: list[Receipt | Exception | None] | None = None) -> None:
        self.sends, self.finds = sends or [], finds or []
        self.asked: list[str] = []

    async def send(self, notification: Notification) -> Receipt:
        self.asked.append("send")
        answer = self.sends.pop(0) if self.sends else OK
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def find(self, notification: Notification) -> Receipt | None:
        self.asked.append("find")
        answer = self.finds.pop(0) if self.finds else None
        if isinstance(answer, Exception):
            raise answer
        return answer


class World:
    def __init__(self, *notifications: Notification, batch: int = 32) -> None:
        self.clock, self.time, self.metrics = FixedClock(), FakeTime(), Counted()
        self.queue = MemoryNotificationQueue(self.clock, *(notifications or (notification(),)))
        self.alimtalk, self.sms = Scripted(), Scripted()
        channels = {Channel.ALIMTALK: self.alimtalk, Channel.SMS: self.sms}
        self.send = SendNotifications(self.queue, channels, self.clock, self.time, FullChance(), self.metrics, "notifier-1", batch=batch)

    async def after(self, seconds: float) -> int:
        self.clock.move(timedelta(seconds=seconds))
        return await self.send()

    def status(self, which: Notification | None = None) -> NotificationStatus:
        return self.queue.status((which or notification()).id)

    @property
    def backup(self) -> NotificationId:
        return notification(channel=Channel.SMS).id


def away() -> ChannelUnavailable:
    return ChannelUnavailable("ReadTimeout")


def nothing_left() -> NotSent:
    return NotSent("ConnectError")
