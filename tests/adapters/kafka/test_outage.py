"""The broker stops while messages wait: afterwards each was published, in the order of its key, and none was blamed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.kafka.publisher import KafkaPublisher
from adapters.kafka.subscriber import KafkaSubscriber
from adapters.kafka.topics import create_topics, topic_named
from adapters.sql.database import Database, database_at
from adapters.sql.migrate import migrate
from application.messaging.relay_outbox import RelayOutbox
from domain.errors import BrokerUnavailable
from tests.adapters.kafka.test_kafka import read_until_all
from tests.messaging.outages import dead_letters, first_comings, payments, relay_over, tries_by_status, write
from tests.servers import KafkaServer

pytestmark = pytest.mark.real

KEYS = 150
DEADLINE = 1.0


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    with KafkaServer.started() as server:
        yield server


@pytest.fixture
async def topic(server: KafkaServer) -> str:
    topic = topic_named(f"{uuid4()}.")
    await create_topics(server.url, (topic,), partitions=3)
    return topic


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path / 'concert.db'}"
    await migrate(url)
    database = database_at(url)
    await database.open()
    yield database
    await database.close()


async def keep_relaying(relay: RelayOutbox) -> None:
    """As the role does."""
    while True:
        with suppress(BrokerUnavailable):
            if await relay():
                continue
        await asyncio.sleep(0.1)


async def published(database: Database) -> int:
    return (await tries_by_status(database)).get("PUBLISHED", (0, 0))[0]


async def until_published(database: Database, count: int) -> None:
    while True:
        if await published(database) >= count:
            return
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("killed", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["stopped", "killed"])
async def test_a_broker_that_stops_leaves_no_dead_letter(server: KafkaServer, topic: str, database: Database, killed: bool) -> None:
    first, second, third = (payments(range(KEYS), sequence) for sequence in (1, 2, 3))
    publishers = [KafkaPublisher(server.url, topic, deadline_seconds=DEADLINE) for _ in range(2)]
    relays = [relay_over(database, publisher, f"relay-{number}", batch=20) for number, publisher in enumerate(publishers)]
    await write(database, [*first, *second])
    working = [asyncio.create_task(keep_relaying(relay)) for relay in relays]
    try:
        async with asyncio.timeout(60):
            await until_published(database, 40)
            if killed:
                server.kill()
            else:
                server.pause()
            await write(database, third)
            await asyncio.sleep(3 * DEADLINE)
            waiting = 3 * KEYS - await published(database)
            assert waiting > KEYS
            if killed:
                await asyncio.to_thread(server.start)
            else:
                server.resume()
            await until_published(database, 3 * KEYS)
    finally:
        if not killed:
            server.resume()
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        for publisher in publishers:
            await publisher.close()
    assert await tries_by_status(database) == {"PUBLISHED": (3 * KEYS, 0)}
    assert await dead_letters(database) == 0
    subscriber = KafkaSubscriber(server.url, topic, topic)
    log = await read_until_all(subscriber, [*first, *second, *third])
    await subscriber.close()
    assert first_comings(log) == {message.key: [1, 2, 3] for message in first}
