"""The contract of MessagePublisher and MessageSubscriber, over every broker.

A broker is added by an entry of ``BROKERS`` and a param of ``lent_broker``: a plain function that asks the request for
the fixtures it needs and makes a context manager, which lends a broker of its own, empty.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer

from adapters.embedded.broker import EmbeddedBroker
from adapters.kafka.dead_letter_topic import KafkaDeadLetterTopic
from adapters.kafka.publisher import KafkaPublisher
from adapters.kafka.subscriber import KafkaSubscriber
from adapters.kafka.topics import create_topics
from application.ports.dead_letter_topic import DeadLetterTopic, Poison
from application.ports.message_publisher import MessagePublisher, Published
from application.ports.message_subscriber import Delivery, MessageSubscriber
from domain.ids import MessageId
from domain.message import OutboxMessage
from tests.contracts.clocks import FixedClock

PATIENCE = 20.0
"""Seconds until a reader must have seen what is there; a group of readers takes some to meet on a real broker."""


class Broker(Protocol):
    """``reading`` lends a subscriber under a reader's name; leaving it is what a restart of the reader is.

    ``reading_dead`` reads the dead-letter topic.
    """

    publisher: MessagePublisher
    dead_letters: DeadLetterTopic

    def reading(self, reader: str) -> AbstractAsyncContextManager[MessageSubscriber]: ...

    def reading_dead(self) -> AbstractAsyncContextManager[MessageSubscriber]: ...

    async def put_unreadable(self) -> None: ...


class Embedded:
    def __init__(self, broker: EmbeddedBroker, path: Path) -> None:
        self._broker = broker
        self._path = path
        self.publisher: MessagePublisher = broker
        self.dead_letters: DeadLetterTopic = broker

    @asynccontextmanager
    async def reading(self, reader: str) -> AsyncIterator[MessageSubscriber]:
        subscriber = self._broker.subscriber(reader)
        yield subscriber
        await subscriber.close()

    @asynccontextmanager
    async def reading_dead(self) -> AsyncIterator[MessageSubscriber]:
        dead = EmbeddedBroker(self._path, FixedClock(), f"{self._broker.topic}.dlq")
        yield dead.subscriber("operator")
        await dead.close()

    async def put_unreadable(self) -> None:
        sent = message(UUID(int=9))
        await self._broker.publish([sent])
        await self._broker.write(
            lambda connection: connection.execute("UPDATE broker_log SET occurred_at = '?' WHERE message_id = ?", (sent.id.bytes,))
        )


def embedded(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Broker]:
    path: Path = request.getfixturevalue("sqlite_file")

    @asynccontextmanager
    async def opened() -> AsyncIterator[Broker]:
        broker = EmbeddedBroker(path, FixedClock())
        yield Embedded(broker, path)
        await broker.close()

    return opened()


class Kafka:
    """A topic of its own on the broker that all tests share."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self.topic = f"{uuid4()}.concert.reservations"
        self.kafka_publisher = KafkaPublisher(bootstrap, self.topic)
        self.publisher: MessagePublisher = self.kafka_publisher
        self.kafka_dead_letters = KafkaDeadLetterTopic(bootstrap)
        self.dead_letters: DeadLetterTopic = self.kafka_dead_letters

    @asynccontextmanager
    async def reading(self, reader: str) -> AsyncIterator[MessageSubscriber]:
        subscriber = KafkaSubscriber(self._bootstrap, f"{self.topic}.{reader}", self.topic)
        yield subscriber
        await subscriber.close()

    @asynccontextmanager
    async def reading_dead(self) -> AsyncIterator[MessageSubscriber]:
        subscriber = KafkaSubscriber(self._bootstrap, f"{self.topic}.operator", f"{self.topic}.dlq")
        yield subscriber
        await subscriber.close()

    async def put_unreadable(self) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self._bootstrap) as stranger:
            await stranger.send_and_wait(self.topic, b"\xff not json", key=b"key", headers=[("traceparent", b"\xfe")])


@asynccontextmanager
async def kafka(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    broker = Kafka(request.getfixturevalue("kafka_bootstrap"))
    await create_topics(request.getfixturevalue("kafka_bootstrap"), (broker.topic, f"{broker.topic}.dlq"), partitions=3)
    yield broker
    await broker.kafka_dead_letters.close()
    await broker.kafka_publisher.close()


BROKERS: dict[str, Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[Broker]]] = {"embedded": embedded, "kafka": kafka}


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.real)])
def lent_broker(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Broker]:
    return BROKERS[request.param](request)


@pytest.fixture
async def broker(lent_broker: AbstractAsyncContextManager[Broker]) -> AsyncIterator[Broker]:
    async with lent_broker as broker:
        yield broker


def message(key: UUID, sequence: int = 1, **changes: object) -> OutboxMessage:
    fields: dict[str, object] = {
        "id": MessageId(uuid4()),
        "shard_key": UUID(int=7),
        "aggregate_type": "reservation",
        "key": key,
        "type": "PaymentCompleted",
        "version": 1,
        "sequence": sequence,
        "occurred_at": datetime(2030, 5, 1, 20, 0, 0, 123456, tzinfo=UTC),
        "payload": json.dumps({"title": "봄 콘서트", "quote": "\"'\\\n"}, ensure_ascii=False),
    }
    return OutboxMessage(**(fields | changes))  # type: ignore[arg-type]


async def read(subscriber: MessageSubscriber, count: int, limit: int = 100) -> list[Delivery]:
    """The next ``count`` deliveries, or as many as came within PATIENCE."""
    deliveries: list[Delivery] = []
    clock = asyncio.get_running_loop().time
    deadline = clock() + PATIENCE
    while len(deliveries) < count and clock() < deadline:
        deliveries.extend(await subscriber.receive(limit, 0.5))
    return deliveries


def messages_in(deliveries: Sequence[Delivery]) -> list[OutboxMessage | None]:
    return [delivery.message for delivery in deliveries]


async def test_what_was_acknowledged_is_read_as_it_was_written(broker: Broker) -> None:
    sent = [
        message(UUID(int=1)),
        message(UUID(int=1), 2, payload="{}", type="PaymentCancelled", version=3, shard_key=UUID(int=2**128 - 1)),
    ]
    assert await broker.publisher.publish(sent) == Published(acknowledged=(sent[0].id, sent[1].id))
    async with broker.reading("consumer") as subscriber:
        assert messages_in(await read(subscriber, 2)) == sent


async def test_publishing_nothing_acknowledges_nothing(broker: Broker) -> None:
    assert await broker.publisher.publish([]) == Published()


async def test_messages_of_one_key_are_read_in_their_order(broker: Broker) -> None:
    keys = [uuid4() for _ in range(10)]
    for sequence in range(1, 21):
        await broker.publisher.publish([message(key, sequence) for key in keys])
    async with broker.reading("consumer") as subscriber:
        deliveries = await read(subscriber, 200, limit=7)
    for key in keys:
        assert [m.sequence for m in messages_in(deliveries) if m is not None and m.key == key] == list(range(1, 21))


async def test_a_batch_is_no_larger_than_asked_for(broker: Broker) -> None:
    await broker.publisher.publish([message(uuid4()) for _ in range(30)])
    async with broker.reading("consumer") as subscriber:
        sizes = [len(await subscriber.receive(4, PATIENCE)) for _ in range(3)]
    assert max(sizes) <= 4
    assert min(sizes) >= 1


async def test_what_was_not_committed_comes_again_and_what_was_does_not(broker: Broker) -> None:
    key = UUID(int=5)
    sent = [message(key, sequence) for sequence in range(1, 6)]
    await broker.publisher.publish(sent)
    async with broker.reading("consumer") as subscriber:
        deliveries = await read(subscriber, 5)
        await subscriber.commit(deliveries[:3])
    async with broker.reading("consumer") as subscriber:
        again = await read(subscriber, 2)
        assert messages_in(again) == sent[3:]
        await subscriber.commit(again)
    async with broker.reading("consumer") as subscriber:
        assert list(await subscriber.receive(10, 1.0)) == []


async def test_committing_nothing_changes_nothing(broker: Broker) -> None:
    sent = message(UUID(int=5))
    await broker.publisher.publish([sent])
    async with broker.reading("consumer") as subscriber:
        assert messages_in(await read(subscriber, 1)) == [sent]
        await subscriber.commit([])
    async with broker.reading("consumer") as subscriber:
        assert messages_in(await read(subscriber, 1)) == [sent]


async def test_readers_of_different_names_each_read_everything(broker: Broker) -> None:
    sent = message(UUID(int=5))
    await broker.publisher.publish([sent])
    async with broker.reading("consumer") as first, broker.reading("auditor") as second:
        deliveries = await read(first, 1)
        await first.commit(deliveries)
        assert messages_in(deliveries) == messages_in(await read(second, 1)) == [sent]


async def test_a_waiting_reader_has_a_message_soon_after_it_is_published(broker: Broker) -> None:
    sent = message(UUID(int=5))
    async with broker.reading("consumer") as subscriber:
        await subscriber.receive(1, 0.01)  # so that the reader is known before anything is there
        waiting = asyncio.create_task(subscriber.receive(10, PATIENCE))
        await asyncio.sleep(0.05)
        await broker.publisher.publish([sent])
        assert messages_in(await waiting) == [sent]


async def test_an_empty_log_is_waited_at_no_longer_than_asked(broker: Broker) -> None:
    clock = asyncio.get_running_loop().time
    async with broker.reading("consumer") as subscriber:
        await subscriber.receive(1, 0.01)
        started = clock()
        assert list(await subscriber.receive(10, 0.3)) == []
        assert timedelta(seconds=0.25) <= timedelta(seconds=clock() - started) <= timedelta(seconds=3)


UNPACKABLE = ("{", '"\ud800"')
"""Payloads that are no JSON, or no text that could be written."""


async def test_a_message_that_cannot_be_published_takes_no_other_down(broker: Broker) -> None:
    good = [message(UUID(int=key)) for key in range(5)]
    large = message(UUID(int=1), 2, payload=json.dumps("봄" * 700_000, ensure_ascii=False))
    unpackable = [message(UUID(int=2), 2 + number, payload=payload) for number, payload in enumerate(UNPACKABLE)]
    published = await broker.publisher.publish([large, *good[:2], *unpackable, *good[2:]])
    assert published.acknowledged == tuple(each.id for each in good)
    assert set(published.refused) == {large.id, *(each.id for each in unpackable)}
    assert all("봄" not in reason and reason for reason in published.refused.values())
    async with broker.reading("consumer") as subscriber:
        found = await read(subscriber, 5)
        assert sorted(each.key for each in messages_in(found) if each) == [each.key for each in good]
        assert list(await subscriber.receive(10, 0.5)) == []


async def test_poison_lies_on_the_dead_letter_topic_with_its_reason(broker: Broker) -> None:
    sent = message(UUID(int=5))
    await broker.publisher.publish([sent])
    await broker.put_unreadable()
    async with broker.reading("consumer") as subscriber:
        deliveries = await read(subscriber, 2)
    await broker.dead_letters.bury([])
    await broker.dead_letters.bury([Poison(delivery=delivery, reason="사유: a reason", tries=3) for delivery in deliveries])
    async with broker.reading_dead() as dead:
        buried = await read(dead, 2)
    by_position = {
        tuple(dict(delivery.headers)[name].decode() for name in ("dlq-partition", "dlq-offset")): delivery for delivery in buried
    }
    for delivery in deliveries:
        topic, partition, offset = delivery.position
        found = by_position[str(partition), str(offset)]
        assert (found.message, found.unreadable) == (delivery.message, delivery.unreadable)
        assert (found.key, found.value) == (delivery.key, delivery.value)
        assert found.position[0] == f"{topic}.dlq"
        assert dict(found.headers) == dict(delivery.headers) | {
            "dlq-reason": "사유: a reason".encode(),
            "dlq-tries": b"3",
            "dlq-topic": topic.encode(),
            "dlq-partition": str(partition).encode(),
            "dlq-offset": str(offset).encode(),
        }
    assert {delivery.message for delivery in buried} == {sent, None}
    async with broker.reading("auditor") as subscriber:
        assert len(await read(subscriber, 2)) == 2, "what is buried does not lie on the topic once more"
        assert list(await subscriber.receive(10, 0.5)) == []
