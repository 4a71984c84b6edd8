"""What the contract of a broker does not say: Kafka's own faults, and what stays behind after them."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.producer.transaction_manager import PidAndEpoch

from adapters.kafka.dead_letter_topic import KafkaDeadLetterTopic
from adapters.kafka.publisher import KafkaPublisher
from adapters.kafka.subscriber import KafkaSubscriber
from adapters.kafka.topics import KEPT, create_topics, dead_letter_topic_of, topic_named
from application.ports.dead_letter_topic import Poison
from application.ports.message_publisher import Published
from application.ports.message_subscriber import Delivery
from domain.errors import BrokerUnavailable
from domain.message import OutboxMessage
from tests.contracts.test_message_broker import message, messages_in, read
from tests.servers import KafkaServer
from tests.servers.ports import free_port

pytestmark = pytest.mark.real

DEADLINE = 2.0
SLACK = 1.5
"""Seconds on top of a deadline that a busy machine may take."""
PARTITIONS = 3
Harm = Callable[[KafkaServer, str, AIOKafkaProducer], Awaitable[None]]


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    """A broker to break; each test leaves it running."""
    with KafkaServer.started() as server:
        yield server


@pytest.fixture
async def topic(server: KafkaServer) -> str:
    topic = topic_named(f"{uuid4()}.")
    await create_topics(server.url, (topic,), partitions=PARTITIONS)
    return topic


@pytest.fixture
async def publisher(server: KafkaServer, topic: str) -> AsyncIterator[KafkaPublisher]:
    publisher = KafkaPublisher(server.url, topic, deadline_seconds=DEADLINE)
    yield publisher
    await publisher.close()


@pytest.fixture
async def subscriber(server: KafkaServer, topic: str) -> AsyncIterator[KafkaSubscriber]:
    subscriber = KafkaSubscriber(server.url, topic, topic)
    yield subscriber
    await subscriber.close()


async def publish_until_acknowledged(publisher: KafkaPublisher, messages: Sequence[OutboxMessage], seconds: float = 60) -> int:
    """As the relay would: again and again, what is not acknowledged. Returns how often the broker was away."""
    left, away = list(messages), 0
    async with asyncio.timeout(seconds):
        while left:
            try:
                acknowledged = set((await publisher.publish(left)).acknowledged)
            except BrokerUnavailable:
                away += 1
                await asyncio.sleep(0.2)
                continue
            left = [waiting for waiting in left if waiting.id not in acknowledged]
    return away


async def read_until_all(subscriber: KafkaSubscriber, expected: Sequence[OutboxMessage], seconds: float = 30) -> list[OutboxMessage]:
    """The messages in the order of their first coming."""
    first: dict[UUID, OutboxMessage] = {}
    async with asyncio.timeout(seconds):
        while len(first) < len(expected):
            for delivery in await subscriber.receive(100, 0.5):
                assert delivery.message is not None
                first.setdefault(delivery.message.id, delivery.message)
    return list(first.values())


async def messages_found(subscriber: KafkaSubscriber, count: int, seconds: float = 30) -> list[OutboxMessage]:
    """The first messages, whatever else was written there."""
    found: list[OutboxMessage] = []
    async with asyncio.timeout(seconds):
        while len(found) < count:
            found += [delivery.message for delivery in await subscriber.receive(100, 0.5) if delivery.message is not None]
    return found


def sequences(messages: Sequence[OutboxMessage], key: UUID) -> list[int]:
    return [found.sequence for found in messages if found.key == key]


async def test_a_silent_broker_is_told_within_the_deadline_and_the_same_publisher_goes_on(
    server: KafkaServer, publisher: KafkaPublisher, subscriber: KafkaSubscriber
) -> None:
    keys = [uuid4() for _ in range(5)]
    before, during, after = ([message(key, sequence) for key in keys] for sequence in (1, 2, 3))
    assert len((await publisher.publish(before)).acknowledged) == 5
    former = await publisher._producing.producer()
    server.pause()
    try:
        started = time.monotonic()
        with pytest.raises(BrokerUnavailable):
            await publisher.publish(during)
        assert time.monotonic() - started < DEADLINE + SLACK
    finally:
        server.resume()
    await publish_until_acknowledged(publisher, during)
    await publish_until_acknowledged(publisher, after)
    assert await publisher._producing.producer() is not former
    found = await read_until_all(subscriber, before + during + after)
    assert [sequences(found, key) for key in keys] == [[1, 2, 3]] * 5


async def numbers_are_missing(server: KafkaServer, topic: str, producer: AIOKafkaProducer) -> None:
    for partition in range(PARTITIONS):
        producer._txn_manager.increment_sequence_number(TopicPartition(topic, partition), 7)


async def is_fenced(server: KafkaServer, topic: str, producer: AIOKafkaProducer) -> None:
    """Somebody has written under its id in the next epoch, to every partition."""
    usurper = AIOKafkaProducer(bootstrap_servers=server.url, acks="all", enable_idempotence=True)
    await usurper.start()
    try:
        ours = producer._txn_manager
        usurper._txn_manager._pid_and_epoch = PidAndEpoch(ours.producer_id, ours.producer_epoch + 1)
        for partition in range(PARTITIONS):
            await usurper.send_and_wait(topic, b"of no interest", partition=partition)
    finally:
        await usurper.stop()


@pytest.mark.parametrize(("harm", "told"), [(numbers_are_missing, "OutOfOrderSequenceNumber"), (is_fenced, "ProducerFenced")])
async def test_a_producer_that_the_broker_hears_no_more_is_replaced(
    server: KafkaServer, topic: str, publisher: KafkaPublisher, subscriber: KafkaSubscriber, harm: Harm, told: str
) -> None:
    key = uuid4()
    before, during = message(key, 1), message(key, 2)
    assert (await publisher.publish([before])).acknowledged == (before.id,)
    former = await publisher._producing.producer()
    await harm(server, topic, former)
    with pytest.raises(BrokerUnavailable, match=told):
        await publisher.publish([during])
    assert (await publisher.publish([during])).acknowledged == (during.id,)
    assert await publisher._producing.producer() is not former
    assert sequences(await messages_found(subscriber, 2), key) == [1, 2]


@pytest.mark.slow
async def test_nothing_acknowledged_is_lost_when_the_broker_is_killed(
    server: KafkaServer, publisher: KafkaPublisher, subscriber: KafkaSubscriber
) -> None:
    keys = [uuid4() for _ in range(5)]
    rounds = [[message(key, sequence) for key in keys] for sequence in range(1, 11)]
    away = 0
    restarting: asyncio.Task[None] | None = None
    for number, messages in enumerate(rounds):
        if number == 5:
            server.kill()
            restarting = asyncio.create_task(asyncio.to_thread(server.start))
        away += await publish_until_acknowledged(publisher, messages)
    assert restarting is not None
    await restarting
    assert away > 0
    found = await read_until_all(subscriber, [sent for messages in rounds for sent in messages])
    assert [sequences(found, key) for key in keys] == [list(range(1, 11))] * 5


async def test_a_broker_that_is_away_holds_nobody_up(server: KafkaServer, topic: str) -> None:
    """Neither a publish nor a close, and no task of the client's stays behind."""
    tasks = asyncio.all_tasks()
    publisher = KafkaPublisher(server.url, topic, deadline_seconds=DEADLINE, close_seconds=1.0)
    subscriber = KafkaSubscriber(server.url, topic, topic, commit_seconds=1.0, close_seconds=1.0)
    await publisher.publish([message(uuid4())])
    deliveries = await read(subscriber, 1)
    server.pause()
    try:
        started = time.monotonic()
        with pytest.raises(BrokerUnavailable):
            await subscriber.commit(deliveries)
        assert list(await subscriber.receive(10, 0.2)) == []
        sending = asyncio.create_task(publisher.publish([message(uuid4())]))
        await asyncio.sleep(0.2)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await publisher.close()
        await subscriber.close()
        assert time.monotonic() - started < 1.0 + 0.2 + 0.2 + 1.0 + 1.0 + SLACK
    finally:
        server.resume()
    await asyncio.sleep(0.2)
    assert [task.get_coro() for task in asyncio.all_tasks() - tasks] == []


async def test_where_nobody_listens_that_is_told_at_once() -> None:
    publisher = KafkaPublisher(f"127.0.0.1:{free_port()}", deadline_seconds=DEADLINE)
    subscriber = KafkaSubscriber(f"127.0.0.1:{free_port()}", "group")
    started = time.monotonic()
    with pytest.raises(BrokerUnavailable):
        await publisher.publish([message(uuid4())])
    with pytest.raises(BrokerUnavailable):
        await subscriber.receive(1, 0.1)
    with pytest.raises(BrokerUnavailable):
        await create_topics(f"127.0.0.1:{free_port()}")
    assert time.monotonic() - started < SLACK
    await publisher.close()
    await subscriber.close()


async def test_a_topic_that_is_not_there_is_a_fault_of_the_broker(server: KafkaServer) -> None:
    publisher = KafkaPublisher(server.url, f"{uuid4()}", deadline_seconds=1.0)
    with pytest.raises(BrokerUnavailable):
        await publisher.publish([message(uuid4())])
    await publisher.close()


async def test_a_message_too_large_is_left_out_and_the_rest_is_published(publisher: KafkaPublisher, subscriber: KafkaSubscriber) -> None:
    small, large, last = message(uuid4()), message(uuid4(), payload=f'"{"x" * 2_000_000}"'), message(uuid4())
    published = await publisher.publish([small, large, last])
    assert published == Published(acknowledged=(small.id, last.id), refused={large.id: "MessageSizeTooLargeError"})
    found = await read_until_all(subscriber, [small, last])
    assert {one.id for one in found} == {small.id, last.id}


async def test_a_batch_that_the_broker_refuses_is_sent_one_by_one(server: KafkaServer) -> None:
    """It takes records up to a size, and answers for batches: small messages that went with a large one are not to blame."""
    topic = topic_named(f"{uuid4()}.")
    await create_small_topic(server, topic, largest=4_000)
    publisher = KafkaPublisher(server.url, topic, deadline_seconds=10.0)
    subscriber = KafkaSubscriber(server.url, topic, topic)
    keys = [uuid4() for _ in range(40)]
    before, after = ([message(key, sequence, payload=f'"{"x" * 300}"') for key in keys] for sequence in (1, 2))
    large = [message(key, 3, payload=f'"{"x" * 5_000}"') for key in (keys[3], keys[30])]
    try:
        started = time.monotonic()
        published = await publisher.publish([*before, large[0], *after, large[1]])
        assert time.monotonic() - started < 10.0
        assert published.refused == dict.fromkeys((each.id for each in large), "MessageSizeTooLargeError")
        assert set(published.acknowledged) == {each.id for each in before + after}
        assert await publisher.publish([message(keys[0], 4)]) != Published(), "the publisher goes on"
        found = await read_until_all(subscriber, before + after)
        assert [sequences(found, key)[:2] for key in keys] == [[1, 2]] * 40
    finally:
        await publisher.close()
        await subscriber.close()


async def create_small_topic(server: KafkaServer, topic: str, largest: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=server.url)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1, topic_configs={"max.message.bytes": str(largest)})])
    await admin.close()


async def test_a_dead_letter_topic_that_refuses_a_message_stands_in_nobodys_way(server: KafkaServer) -> None:
    topic = topic_named(f"{uuid4()}.")
    await create_small_topic(server, dead_letter_topic_of(topic), largest=1_000)
    dead_letters = KafkaDeadLetterTopic(server.url)
    reader = KafkaSubscriber(server.url, topic, dead_letter_topic_of(topic))
    poison = [
        Poison(delivery=Delivery(message=None, position=(topic, 0, offset), value=b"x" * size), reason="no value", tries=1)
        for offset, size in enumerate((10, 2_000, 20))
    ]
    try:
        await dead_letters.bury(poison)
        assert [delivery.value for delivery in await read(reader, 2)] == [b"x" * 10, b"x" * 20]
    finally:
        await dead_letters.close()
        await reader.close()


async def test_a_dead_letter_topic_that_is_away_says_so(server: KafkaServer) -> None:
    dead_letters = KafkaDeadLetterTopic(server.url, deadline_seconds=1.0)
    lost = Poison(delivery=Delivery(message=None, position=(f"{uuid4()}", 0, 1), value=b"x"), reason="no value", tries=1)
    with pytest.raises(BrokerUnavailable):
        await dead_letters.bury([lost])
    await dead_letters.close()


async def test_what_is_no_message_is_delivered_with_its_reason_and_stops_nothing(
    server: KafkaServer, topic: str, publisher: KafkaPublisher, subscriber: KafkaSubscriber
) -> None:
    async with AIOKafkaProducer(bootstrap_servers=server.url) as stranger:
        await stranger.send_and_wait(topic, b"not json", partition=0)
        await stranger.send_and_wait(topic, None, key=b"tombstone", partition=0)
        await stranger.send_and_wait(topic, b"{}", partition=0)
    found = await read(subscriber, 3)
    assert [(delivery.message, delivery.unreadable) for delivery in found] == [
        (None, "JSONDecodeError"),
        (None, "no value"),
        (None, "KeyError"),
    ]
    assert [delivery.position for delivery in found] == [(topic, 0, 0), (topic, 0, 1), (topic, 0, 2)]
    await subscriber.commit(found)
    sent = message(uuid4())
    await publisher.publish([sent])
    assert messages_in(await read(subscriber, 1)) == [sent]


async def test_what_a_transaction_took_back_is_not_read(server: KafkaServer, topic: str, subscriber: KafkaSubscriber) -> None:
    async with AIOKafkaProducer(bootstrap_servers=server.url, transactional_id=topic) as stranger:
        await stranger.begin_transaction()
        await stranger.send_and_wait(topic, b"taken back", partition=0)
        await stranger.abort_transaction()
        async with stranger.transaction():
            await stranger.send_and_wait(topic, b"stands", partition=0)
    found: list[Delivery] = await read(subscriber, 1)
    assert [(delivery.position, delivery.unreadable) for delivery in found] == [((topic, 0, 2), "JSONDecodeError")]


async def test_readers_that_come_and_go_leave_nothing_out(server: KafkaServer, topic: str, publisher: KafkaPublisher) -> None:
    """A second member takes partitions over while the first still has their messages in hand."""
    sent = [message(uuid4()) for _ in range(60)]
    await publisher.publish(sent)
    first, second = (KafkaSubscriber(server.url, topic, topic) for _ in range(2))
    try:
        in_hand = await read(first, 60)
        joining = asyncio.create_task(second.receive(100, 3.0))
        while not joining.done():
            await first.receive(1, 0.2)  # a member learns of the new one while it reads
        again = list(await joining)
        assert again != []
        await first.commit(in_hand)  # of these, only what is still its own
        kept = {delivery.position[1] for delivery in in_hand} - {delivery.position[1] for delivery in again}
        await second.commit(again)
    finally:
        await first.close()
        await second.close()
    assert {d.message.id for d in again if d.message} == {d.message.id for d in in_hand if d.message and d.position[1] not in kept}
    third = KafkaSubscriber(server.url, topic, topic)
    assert list(await third.receive(100, 1.0)) == []
    await third.close()


async def test_topics_are_made_once_with_the_partitions_asked_for(server: KafkaServer) -> None:
    topic = topic_named(f"{uuid4()}.")
    await create_topics(server.url, (topic,), partitions=5)
    await create_topics(server.url, (topic,), partitions=7)
    admin = AIOKafkaAdminClient(bootstrap_servers=server.url)
    await admin.start()
    [described] = await admin.describe_topics([topic])
    [config] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    await admin.close()
    assert len(described["partitions"]) == 5
    [kept] = [entry for entry in config.resources[0][4] if entry[0] == "retention.ms"]
    assert kept[1] == str(KEPT // timedelta(milliseconds=1))
    with pytest.raises(BrokerUnavailable):
        await create_topics(server.url, (f"{topic}.more",), replication_factor=3)


async def test_one_key_has_one_partition(publisher: KafkaPublisher, subscriber: KafkaSubscriber) -> None:
    key = uuid4()
    await publisher.publish([message(key, sequence) for sequence in range(1, 11)] + [message(uuid4()) for _ in range(50)])
    found = await read(subscriber, 60)
    assert len({delivery.position[1] for delivery in found}) == 3
    assert len({delivery.position[1] for delivery in found if delivery.message and delivery.message.key == key}) == 1
