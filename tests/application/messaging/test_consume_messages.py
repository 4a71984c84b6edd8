"""Consuming: each message takes effect once, in order, and nothing that cannot be read stands in the way."""

from dataclasses import replace
from typing import TypeVar
from uuid import UUID

import pytest

from application.messaging.consume_messages import ConsumeMessages
from application.ports.unit_of_work import Transaction
from application.retrying import Retrying
from application.transactor import Transactor
from domain.errors import NotCommitted, OutcomeUnknown, ServiceUnavailable, StoreUnavailable
from domain.ids import MessageId, UserId
from domain.message import OutboxMessage
from domain.notification import Channel, Notification, NotificationStatus, notification_id
from tests.application.booking.scene import CONCERT, FAN, NOW, Scene
from tests.application.messaging.test_booking_news import paid
from tests.application.test_retrying import Counted, FakeTime, FullChance
from tests.application.test_transactor import Told
from tests.fakes.broker import MemorySubscriber

T = TypeVar("T")

PHONE = "01012345678"


class SceneUnitOfWork:
    """Each fault is raised before its transaction commits; OutcomeUnknown after it."""

    def __init__(self, *faults: Exception | None) -> None:
        self.scene = Scene()
        self.faults = list(faults)
        self.runs = 0

    async def run(self, transaction: Transaction[T]) -> T:
        self.runs += 1
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None and not isinstance(fault, OutcomeUnknown):
            raise fault
        result = self.scene.run(transaction)
        if fault is not None:
            raise fault
        return result

    @property
    def notifications(self) -> list[Notification]:
        return self.scene.all("notifications")


class People:
    """A PersonView of which only the phone is asked for."""

    def __init__(self, phone: str | None = PHONE, *faults: Exception) -> None:
        self._phone = phone
        self._faults = list(faults)

    async def phone(self, user_id: UserId) -> str | None:
        if self._faults:
            raise self._faults.pop(0)
        return self._phone


class World:
    def __init__(self, unit_of_work: SceneUnitOfWork | None = None, people: People | None = None, batch: int = 100) -> None:
        self.unit_of_work = unit_of_work or SceneUnitOfWork()
        self.subscriber = MemorySubscriber()
        self.metrics = Counted()
        transactor = Transactor(self.unit_of_work, {}, Told(), Counted())
        retrying = Retrying(FakeTime(), FullChance(), Counted())
        self.consume = ConsumeMessages(
            self.subscriber,
            transactor,
            retrying,
            people or People(),  # type: ignore[arg-type]
            self.metrics,
            batch=batch,
        )


def message(number: int, **changes: object) -> OutboxMessage:
    return replace(paid(), id=MessageId(UUID(int=number)), **changes)  # type: ignore[arg-type]


async def test_a_message_is_entered_in_the_inbox_with_its_notification_and_then_committed() -> None:
    world = World()
    world.subscriber.put(message(1))
    assert await world.consume() == 1
    assert world.unit_of_work.scene.all("inbox") == [MessageId(UUID(int=1))]
    assert world.unit_of_work.notifications == [
        Notification(
            id=notification_id(MessageId(UUID(int=1)), FAN, Channel.ALIMTALK),
            concert_id=CONCERT,
            event=MessageId(UUID(int=1)),
            recipient=FAN,
            channel=Channel.ALIMTALK,
            phone=PHONE,
            template="PAYMENT_COMPLETED",
            facts={
                "title": "첫눈",
                "venue": "올림픽홀",
                "startsAt": "2026년 12월 1일(화) 21:00",
                "seats": "A 1열 1번(R), A 1열 1번(R)",
                "amount": "100,000원",
            },
            status=NotificationStatus.PENDING,
            created_at=NOW,
        )
    ]
    assert world.subscriber.committed == [("topic", 0, 0)]
    assert await world.consume() == 0


async def test_a_repeat_changes_nothing_and_is_committed() -> None:
    world = World()
    world.subscriber.put(message(1), message(1), message(1))
    assert await world.consume() == 3
    assert len(world.unit_of_work.notifications) == 1
    assert len(world.subscriber.committed) == 3
    assert [labels["repeat"] for _, labels in world.metrics.counts] == ["false", "true", "true"]


async def test_without_a_phone_number_it_is_recorded_as_undeliverable() -> None:
    world = World(people=People(phone=None))
    world.subscriber.put(message(1))
    await world.consume()
    assert [(one.status, one.phone) for one in world.unit_of_work.notifications] == [(NotificationStatus.UNDELIVERABLE, None)]


async def test_what_cannot_be_read_stands_in_nobodys_way(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.subscriber.put("no JSON", message(1, type="Regret"), message(2, version=9), message(3, payload="{}"), message(4))
    assert await world.consume() == 5
    assert [one.event for one in world.unit_of_work.notifications] == [MessageId(UUID(int=4))]
    assert len(world.subscriber.committed) == 5
    skipped = [(record.__dict__["offset"], record.__dict__["reason"]) for record in caplog.records]
    assert skipped == [
        (0, "no JSON"),
        (1, "unknown type 'Regret' of version 1"),
        (2, "unknown type 'PaymentCompleted' of version 9"),
        (3, "payload: KeyError"),
    ]
    assert [name for name, _ in world.metrics.counts].count("concert_messages_unreadable_total") == 4


async def test_messages_of_one_key_take_effect_in_their_order() -> None:
    world = World()
    world.subscriber.put(message(1, sequence=1), message(2, key=UUID(int=99)), message(3, sequence=2, type="PaymentCancelled"))
    await world.consume()
    of_one_key = [one.template for one in world.unit_of_work.notifications if one.event != MessageId(UUID(int=2))]
    assert of_one_key == ["PAYMENT_COMPLETED", "PAYMENT_CANCELLED"]


async def test_a_fault_that_passes_is_tried_again() -> None:
    world = World(SceneUnitOfWork(NotCommitted("deadlock"), NotCommitted("deadlock")))
    world.subscriber.put(message(1))
    assert await world.consume() == 1
    assert len(world.unit_of_work.notifications) == 1


async def test_a_commit_whose_answer_was_lost_counts_once() -> None:
    world = World(SceneUnitOfWork(OutcomeUnknown("lost")))
    world.subscriber.put(message(1))
    assert await world.consume() == 1
    assert len(world.unit_of_work.notifications) == 1
    assert world.metrics.counts == [("concert_messages_handled_total", {"type": "PaymentCompleted", "repeat": "true"})]


async def test_while_the_database_is_away_nothing_is_committed_and_the_batch_stays_in_hand() -> None:
    away = [NotCommitted("away")] * 3
    world = World(SceneUnitOfWork(None, *away), batch=2)
    world.subscriber.put(message(1, key=UUID(int=1)), message(2, key=UUID(int=2)), message(3, key=UUID(int=3)))
    with pytest.raises(ServiceUnavailable):
        await world.consume()
    assert world.subscriber.committed == []
    assert world.subscriber.received == 2
    assert await world.consume() == 2
    assert world.subscriber.committed == [("topic", 0, 0), ("topic", 0, 1)]
    assert world.unit_of_work.runs == 1 + 3 + 1, "what was handled is not handled again"
    assert await world.consume() == 1
    assert len(world.unit_of_work.notifications) == 3


async def test_a_phone_book_that_is_away_loses_nothing() -> None:
    world = World(people=People(PHONE, StoreUnavailable("away")))
    world.subscriber.put(message(1))
    with pytest.raises(StoreUnavailable):
        await world.consume()
    assert (world.subscriber.committed, world.unit_of_work.notifications) == ([], [])
    assert await world.consume() == 1
    assert [one.phone for one in world.unit_of_work.notifications] == [PHONE]
