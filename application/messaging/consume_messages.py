"""Handling messages: each once, whatever is repeated."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from application.messaging.booking_news import BookingNews, Unreadable, news_in
from application.ports.bookings import PersonView
from application.ports.message_subscriber import Delivery, MessageSubscriber
from application.ports.metrics import Metrics
from application.ports.unit_of_work import Needs
from application.retrying import Retrying
from application.transactor import Transactor
from application.work import Work
from domain.errors import Step
from domain.message import OutboxMessage
from domain.notification import Channel, Notification, NotificationStatus, notification_id

log = logging.getLogger(__name__)

BATCH = 100
WAIT_SECONDS = 1.0


@dataclass(slots=True)
class _InHand:
    """A batch as it was received, and what of it is still to be handled: key → messages in their order."""

    deliveries: Sequence[Delivery] = ()
    left: dict[UUID, deque[tuple[OutboxMessage, BookingNews]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeNotice:
    """The message is entered in the inbox and its recipient has a notification; a repeat changes nothing."""

    message: OutboxMessage
    news: BookingNews
    phone: str | None

    def needs(self) -> Needs:
        return Needs(shard=self.message.shard_key, inbox=(self.message.id,))

    def decide(self, work: Work) -> bool:
        if work.inbox.find(self.message.id) is not None:
            return False
        work.inbox.add(self.message.id)
        work.notifications.add(
            Notification(
                id=notification_id(self.message.id, self.news.recipient, Channel.ALIMTALK),
                concert_id=self.news.concert_id,
                event=self.message.id,
                recipient=self.news.recipient,
                channel=Channel.ALIMTALK,
                phone=self.phone,
                template=self.news.template,
                facts=self.news.facts,
                status=NotificationStatus.PENDING if self.phone else NotificationStatus.UNDELIVERABLE,
                created_at=work.now,
            )
        )
        return True


class ConsumeMessages:
    """What was received and could not be handled stays in hand and comes first at the next call."""

    def __init__(
        self,
        subscriber: MessageSubscriber,
        transactor: Transactor,
        retrying: Retrying,
        people: PersonView,
        metrics: Metrics,
        batch: int = BATCH,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._subscriber = subscriber
        self._transactor = transactor
        self._retrying = retrying
        self._people = people
        self._metrics = metrics
        self._batch = batch
        self._wait_seconds = wait_seconds
        self._in_hand = _InHand()

    async def __call__(self) -> int:
        """Handles what comes next, at most one batch, then commits its offsets; returns how many it handled.

        Messages of one key are handled in their order, those of different keys side by side. Raises
        ServiceUnavailable, StoreUnavailable or BrokerUnavailable: nothing is committed then, and nothing is lost.
        """
        if not self._in_hand.deliveries:
            deliveries = await self._subscriber.receive(self._batch, self._wait_seconds)
            self._in_hand = _InHand(deliveries, self._understood(deliveries))
        ends = await asyncio.gather(*map(self._handle_in_order, self._in_hand.left.values()), return_exceptions=True)
        _raise_first(ends)
        handled, self._in_hand = self._in_hand.deliveries, _InHand()
        if handled:
            await self._subscriber.commit(handled)
        return len(handled)

    def _understood(self, deliveries: Sequence[Delivery]) -> dict[UUID, deque[tuple[OutboxMessage, BookingNews]]]:
        """By key. What cannot be understood is set aside, so that it stands in nobody's way."""
        understood: dict[UUID, deque[tuple[OutboxMessage, BookingNews]]] = {}
        for delivery in deliveries:
            if delivery.message is None:
                self._set_aside(delivery, delivery.unreadable or "unreadable")
                continue
            try:
                news = news_in(delivery.message)
            except Unreadable as reason:
                self._set_aside(delivery, str(reason))
                continue
            understood.setdefault(delivery.message.key, deque()).append((delivery.message, news))
        return understood

    def _set_aside(self, delivery: Delivery, reason: str) -> None:
        """It stays in the broker's log at its position, and the reason in ours."""
        topic, partition, offset = delivery.position
        where = {"topic": topic, "partition": partition, "offset": offset, "reason": reason}
        log.error("a message cannot be understood and is skipped", extra=where)
        self._metrics.count("concert_messages_unreadable_total")

    async def _handle_in_order(self, messages: deque[tuple[OutboxMessage, BookingNews]]) -> None:
        while messages:
            message, news = messages[0]
            phone = await self._people.phone(news.recipient)
            notice = TakeNotice(message=message, news=news, phone=phone)
            is_new = await self._retrying(Step.NOTIFICATION, lambda notice=notice: self._transactor.run(notice))  # type: ignore[misc]
            self._metrics.count("concert_messages_handled_total", type=message.type, repeat=str(not is_new).lower())
            messages.popleft()


def _raise_first(ends: Iterable[object]) -> None:
    for end in ends:
        if isinstance(end, BaseException):
            raise end
