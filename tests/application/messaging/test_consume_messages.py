"""Consuming: each message takes effect once, in order, and nothing that cannot be read stands in the way."""

from dataclasses import replace
from typing import TypeVar
from uuid import UUID

import pytest

from application.messaging.bury_poison import EXCERPT, BuryPoison
from application.messaging.consume_messages import TRIES, ConsumeMessages
from application.ports.dead_letter_queue import DeadLetter, LetterOrigin
from application.ports.message_subscriber import Delivery
from application.ports.unit_of_work import Transaction
from application.retrying import Retrying
from application.transactor import Transactor
from domain.errors import AlreadyThere, BrokerUnavailable, NotCommitted, OutcomeUnknown, ServiceUnavailable, StoreUnavailable
from domain.ids import DeadLetterId, MessageId, UserId
from domain.message import LastHandled, OutboxMessage
from domain.notification import Channel, Notification, NotificationStatus, notification_id
from tests.application.booking.scene import CONCERT, FAN, NOW, Scene
from tests.application.messaging.test_booking_news import paid
from tests.application.messaging.test_relay_outbox import Numbers
from tests.application.test_retrying import Counted, FakeTime, FullChance
from tests.application.test_transactor import Told
from tests.contracts.clocks import FixedClock
from tests.fakes.broker import MemoryDeadLetterTopic, MemorySubscriber
from tests.fakes.dead_letter_queue import MemoryDeadLetterQueue

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


class Breaking(SceneUnitOfWork):
    """One message cannot be handled, whatever is tried."""

    def __init__(self, message_id: MessageId, fault: Exception) -> None:
        super().__init__()
        self._message_id = message_id
        self._fault = fault

    async def run(self, transaction: Transaction[T]) -> T:
        if self._message_id in transaction.needs().inbox:
            raise self._fault
        return await super().run(transaction)


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
        self.letters = MemoryDeadLetterQueue()
        self.topic = MemoryDeadLetterTopic()
        bury = BuryPoison(self.letters, self.topic, FixedClock(NOW), Numbers(), self.metrics)
        self.consume = ConsumeMessages(
            self.subscriber,
            transactor,
            retrying,
            people or People(),  # type: ignore[arg-type]
            bury,
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
            about=message(1).key,
            sequence=1,
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
    assert [labels["taken"] for _, labels in world.metrics.counts] == ["NEW", "REPEAT", "REPEAT"]


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
    reasons = ["no JSON", "unknown type 'Regret' of version 1", "unknown type 'PaymentCompleted' of version 9", "payload: KeyError"]
    skipped = [(record.__dict__["offset"], record.__dict__["reason"]) for record in caplog.records]
    assert skipped == list(enumerate(reasons))
    assert [(poison.delivery.position[2], poison.reason, poison.tries) for poison in world.topic.buried] == [
        (offset, reason, 1) for offset, reason in enumerate(reasons)
    ]
    assert world.letters.all == [
        DeadLetter(
            id=DeadLetterId(UUID(int=1)),
            origin=LetterOrigin.CONSUMER,
            reason="no JSON",
            tries=1,
            died_at=NOW,
            message=None,
            position="topic/0@0",
            excerpt="",
        ),
        *(
            DeadLetter(
                id=DeadLetterId(UUID(int=2 + number)),
                origin=LetterOrigin.CONSUMER,
                reason=reasons[1 + number],
                tries=1,
                died_at=NOW,
                message=dead,
                position=f"topic/0@{1 + number}",
            )
            for number, dead in enumerate((message(1, type="Regret"), message(2, version=9), message(3, payload="{}")))
        ),
    ]
    assert ("concert_dead_letters_total", {"origin": "CONSUMER"}) in world.metrics.counts


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
    assert world.metrics.counts == [("concert_messages_handled_total", {"type": "PaymentCompleted", "taken": "REPEAT"})]


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


KEY = UUID(int=99)


def told(world: World) -> list[tuple[str, UUID]]:
    return [(one.template, one.event) for one in world.unit_of_work.notifications]


async def test_an_older_message_that_comes_late_is_not_told_what_is_no_longer_true() -> None:
    world = World()
    completed = message(1, key=KEY, sequence=1)
    world.subscriber.put(message(2, key=KEY, sequence=2, type="PaymentCancelled"), completed)
    await world.consume()
    assert told(world) == [("PAYMENT_CANCELLED", UUID(int=2))]
    assert set(world.unit_of_work.scene.all("inbox")) == {UUID(int=1), UUID(int=2)}
    assert world.unit_of_work.scene.all("handled_keys") == [LastHandled(key=KEY, sequence=2)]
    assert [labels["taken"] for _, labels in world.metrics.counts] == ["NEW", "OVERTAKEN"]
    world.subscriber.put(completed)
    await world.consume()
    assert [labels["taken"] for _, labels in world.metrics.counts][2:] == ["REPEAT"]


async def test_an_older_message_that_comes_late_is_told_what_happened_for_good() -> None:
    world = World()
    world.subscriber.put(message(3, key=KEY, sequence=3, type="PaymentCancelled"), message(1, key=KEY, sequence=1, type="PaymentCancelled"))
    await world.consume()
    assert told(world) == [("PAYMENT_CANCELLED", UUID(int=3)), ("PAYMENT_CANCELLED", UUID(int=1))]
    assert world.unit_of_work.scene.all("handled_keys") == [LastHandled(key=KEY, sequence=3)]


async def test_another_keys_messages_are_no_newer_ones() -> None:
    world = World()
    world.subscriber.put(message(5, key=KEY, sequence=5), message(1, key=UUID(int=98), sequence=1), message(6, key=KEY, sequence=6))
    await world.consume()
    assert {event.int for _, event in told(world)} == {1, 5, 6}


@pytest.mark.parametrize("fault", [ValueError("01012345678"), KeyError("amount"), AlreadyThere("uq_notifications")])
async def test_poison_is_tried_and_buried_and_blocks_nobody(fault: Exception) -> None:
    """Its own key goes on without it, and so do the others."""
    world = World(Breaking(message(1).id, fault))
    sent = [message(1, key=KEY, sequence=1), message(2, key=KEY, sequence=2), message(3, key=UUID(int=98))]
    world.subscriber.put(*sent)
    assert await world.consume() == 3
    assert {event.int for _, event in told(world)} == {2, 3}
    assert [(each.delivery.message, each.reason, each.tries) for each in world.topic.buried] == [
        (sent[0], f"handling failed: {type(fault).__name__}", TRIES)
    ]
    assert [(letter.message, letter.tries) for letter in world.letters.all] == [(sent[0], TRIES)]
    assert len(world.subscriber.committed) == 3
    assert await world.consume() == 0


@pytest.mark.parametrize("away", [NotCommitted("away"), StoreUnavailable("away"), ServiceUnavailable(), ConnectionResetError("away")])
async def test_what_is_away_kills_no_message(away: Exception) -> None:
    world = World(Breaking(message(1).id, away))
    world.subscriber.put(message(1))
    for _ in range(2 * TRIES):
        with pytest.raises((ServiceUnavailable, StoreUnavailable, ConnectionResetError)):
            await world.consume()
    assert (world.letters.all, world.topic.buried, world.subscriber.committed) == ([], [], [])


async def test_poison_that_cannot_be_buried_now_is_buried_later_and_nothing_is_handled_twice() -> None:
    world = World()
    world.topic.faults = [BrokerUnavailable("away"), None]
    world.subscriber.put("no JSON", message(2))
    with pytest.raises(BrokerUnavailable):
        await world.consume()
    assert (world.subscriber.committed, world.topic.buried) == ([], [])
    assert await world.consume() == 2
    assert len(world.topic.buried) == 1
    assert len(world.letters.all) == 1, "the same position is one letter"
    assert world.unit_of_work.runs == 1
    assert len(world.subscriber.committed) == 2


async def test_a_letter_shows_how_an_unreadable_message_begins() -> None:
    world = World()
    world.subscriber.waiting.append(
        Delivery(message=None, unreadable="JSONDecodeError", position=("topic", 1, 7), value=b"\xff" + b"x" * 2 * EXCERPT)
    )
    await world.consume()
    [letter] = world.letters.all
    assert (letter.position, letter.excerpt) == ("topic/1@7", "\\xff" + "x" * (EXCERPT - 1))
