"""Handling messages: each once, whatever is repeated."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from application.messaging.booking_news import BookingNews, Unreadable, news_in
from application.messaging.bury_poison import BuryPoison
from application.ports.bookings import PersonView
from application.ports.dead_letter_topic import Poison
from application.ports.message_subscriber import Delivery, MessageSubscriber
from application.ports.metrics import Metrics
from application.ports.unit_of_work import Needs
from application.retrying import Retrying
from application.transactor import Transactor
from application.work import Work
from domain.errors import AlreadyThere, ServiceUnavailable, Step, TransientError
from domain.message import LastHandled, OutboxMessage
from domain.notification import Channel, Notification, NotificationStatus, notification_id

log = logging.getLogger(__name__)

BATCH = 100
WAIT_SECONDS = 1.0
TRIES = 3
"""Of a message whose handling fails for a reason of its own. They follow at once: what it says will not change."""


class Taken(StrEnum):
    """OVERTAKEN: something newer of its key has been handled, and makes it untrue."""

    NEW = "NEW"
    REPEAT = "REPEAT"
    OVERTAKEN = "OVERTAKEN"


@dataclass(slots=True)
class _InHand:
    """A batch as it was received, and what of it is still to be handled: key → messages in their order."""

    deliveries: Sequence[Delivery] = ()
    left: dict[UUID, deque[tuple[Delivery, OutboxMessage, BookingNews]]] = field(default_factory=dict)
    poison: list[Poison] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeNotice:
    """The message is entered in the inbox and its recipient has a notification; a repeat changes nothing.

    A message that comes after a newer one of its key (an older one that was redriven) is told only if it still is true.
    """

    message: OutboxMessage
    news: BookingNews
    phone: str | None

    def needs(self) -> Needs:
        return Needs(shard=self.message.shard_key, inbox=(self.message.id,), handled_keys=(self.message.key,))

    def decide(self, work: Work) -> Taken:
        if work.inbox.find(self.message.id) is not None:
            return Taken.REPEAT
        work.inbox.add(self.message.id)
        last = work.handled_keys.find(self.message.key)
        if last is None or last.sequence < self.message.sequence:
            work.handled_keys.save(LastHandled(key=self.message.key, sequence=self.message.sequence))
        elif self.news.untrue_when_late:
            return Taken.OVERTAKEN
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
                about=self.message.key,
                sequence=self.message.sequence,
            )
        )
        return Taken.NEW


class ConsumeMessages:
    """What was received and could not be handled, because something else is away, stays in hand and comes first at the next call.

    What cannot be handled for a reason of its own is buried, and releases its key.
    """

    def __init__(
        self,
        subscriber: MessageSubscriber,
        transactor: Transactor,
        retrying: Retrying,
        people: PersonView,
        bury: BuryPoison,
        metrics: Metrics,
        batch: int = BATCH,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._subscriber = subscriber
        self._transactor = transactor
        self._retrying = retrying
        self._people = people
        self._bury = bury
        self._metrics = metrics
        self._batch = batch
        self._wait_seconds = wait_seconds
        self._in_hand = _InHand()

    async def __call__(self) -> int:
        """Handles what comes next, at most one batch, then commits its offsets; returns how many it handled.

        Messages of one key are handled in their order, those of different keys side by side. Raises
        ServiceUnavailable, StoreUnavailable, BrokerUnavailable, NotCommitted or OutcomeUnknown: nothing is committed
        then, and nothing is lost.
        """
        if not self._in_hand.deliveries:
            deliveries = await self._subscriber.receive(self._batch, self._wait_seconds)
            self._in_hand = self._sorted(deliveries)
        in_hand = self._in_hand
        ends = await asyncio.gather(
            *(self._handle_in_order(messages, in_hand) for messages in in_hand.left.values()), return_exceptions=True
        )
        _raise_first(ends)
        if in_hand.poison:
            await self._bury(in_hand.poison)
        self._in_hand = _InHand()
        if in_hand.deliveries:
            await self._subscriber.commit(in_hand.deliveries)
        return len(in_hand.deliveries)

    def _sorted(self, deliveries: Sequence[Delivery]) -> _InHand:
        """By key. What cannot be understood is set aside, so that it stands in nobody's way."""
        in_hand = _InHand(deliveries)
        for delivery in deliveries:
            if delivery.message is None:
                self._set_aside(delivery, delivery.unreadable or "unreadable", in_hand)
                continue
            try:
                news = news_in(delivery.message)
            except Unreadable as reason:
                self._set_aside(delivery, str(reason), in_hand)
                continue
            in_hand.left.setdefault(delivery.message.key, deque()).append((delivery, delivery.message, news))
        return in_hand

    def _set_aside(self, delivery: Delivery, reason: str, in_hand: _InHand, tries: int = 1) -> None:
        topic, partition, offset = delivery.position
        where = {"topic": topic, "partition": partition, "offset": offset, "reason": reason}
        log.error("a message cannot be handled: a dead letter", extra=where)
        in_hand.poison.append(Poison(delivery=delivery, reason=reason, tries=tries))

    async def _handle_in_order(self, messages: deque[tuple[Delivery, OutboxMessage, BookingNews]], in_hand: _InHand) -> None:
        tries = 0
        while messages:
            delivery, message, news = messages[0]
            [fault] = await asyncio.gather(self._take_notice(message, news), return_exceptions=True)
            if fault is not None:
                tries += 1
                if not _is_its_own(fault):
                    raise fault
                if tries < TRIES:
                    continue
                self._set_aside(delivery, _reason(fault), in_hand, tries)
            messages.popleft()
            tries = 0

    async def _take_notice(self, message: OutboxMessage, news: BookingNews) -> None:
        phone = await self._people.phone(news.recipient)
        notice = TakeNotice(message=message, news=news, phone=phone)
        taken = await self._retrying(Step.NOTIFICATION, lambda: self._transactor.run(notice))
        self._metrics.count("concert_messages_handled_total", type=message.type, taken=taken)


def _is_its_own(fault: BaseException) -> bool:
    """Whether the message is to blame: what is away now, and will be back, is no reason to give a message up."""
    if isinstance(fault, ServiceUnavailable):
        return isinstance(fault.__cause__, AlreadyThere)
    return isinstance(fault, Exception) and not isinstance(fault, TransientError | OSError)


def _reason(fault: BaseException) -> str:
    """Without the fault's own words: they may repeat what the message says."""
    return f"handling failed: {type(fault.__cause__ if isinstance(fault, ServiceUnavailable) else fault).__name__}"


def _raise_first(ends: Iterable[object]) -> None:
    for end in ends:
        if isinstance(end, BaseException):
            raise end
