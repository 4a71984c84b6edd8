"""A broker that is away for ten minutes while 10,000 payments are made: all is published, in order, and nothing is blamed.

The short forms: `tests/adapters/kafka/test_outage.py` over Kafka, `tests/messaging/test_outages.py` over the embedded broker.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import uuid4

import pytest

from adapters.kafka.publisher import KafkaPublisher
from adapters.kafka.subscriber import KafkaSubscriber
from adapters.kafka.topics import create_topics, topic_named
from adapters.sql.database import Database, database_at
from adapters.sql.migrate import migrate
from adapters.sql.outbox import SqlOutbox
from adapters.system.jitter import RandomJitter
from application.messaging.relay_outbox import RelayOutbox
from domain.errors import BrokerUnavailable
from domain.message import OutboxMessage
from entrypoints.worker import RESTARTS
from tests.adapters.kafka.test_kafka import read_until_all
from tests.chaos.time_passes import let_time_pass
from tests.messaging.outages import dead_letters, first_comings, payments, relay_over, tries_by_status, write
from tests.servers import KafkaServer

pytestmark = pytest.mark.chaos

OUTAGE = 600.0
"""Seconds, which pass for the database, and are not waited for."""
DEADLINE = 10.0
"""Seconds that a publisher gives the broker; here they last one."""
PAYMENTS, CANCELLED = 10_000, 1_000
BEFORE = 400
BATCH = 200
DIES_EACH = 7
"""Failed passes after which a relay dies with what it has claimed, ``HELD`` messages."""
HELD = 50
LONG = 900
"""Seconds that the last of them keeps its claim."""


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    with KafkaServer.started() as server:
        yield server


@pytest.fixture
async def database(mysql_database: str) -> AsyncIterator[Database]:
    await migrate(mysql_database)
    database = database_at(mysql_database)
    await database.open()
    yield database
    await database.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Relays:
    """Two, as two processes have them."""

    database: Database
    both: tuple[RelayOutbox, RelayOutbox]

    async def until_published(self, count: int) -> None:
        working = [asyncio.create_task(keep_relaying(relay)) for relay in self.both]
        try:
            while True:
                published, _ = (await tries_by_status(self.database)).get("PUBLISHED", (0, 0))
                if published >= count:
                    return
                await asyncio.sleep(0.05)
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    async def fail(self) -> None:
        """Each finds the broker away."""
        ends = await asyncio.gather(*(relay() for relay in self.both), return_exceptions=True)
        assert [type(end) for end in ends] == [BrokerUnavailable] * 2, ends


@asynccontextmanager
async def opened_relays(server: KafkaServer, database: Database, topic: str) -> AsyncIterator[Relays]:
    publishers = [KafkaPublisher(server.url, topic, deadline_seconds=DEADLINE / 10) for _ in range(2)]
    first, second = (relay_over(database, publisher, f"relay-{n}", batch=BATCH) for n, publisher in enumerate(publishers))
    try:
        yield Relays(database=database, both=(first, second))
    finally:
        for publisher in publishers:
            await publisher.close()


async def keep_relaying(relay: RelayOutbox) -> None:
    """As the role does."""
    while True:
        with suppress(BrokerUnavailable):
            if await relay():
                continue
        await asyncio.sleep(0.1)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
async def test_ten_minutes_without_kafka_leave_no_dead_letter(server: KafkaServer, database: Database, killed: bool) -> None:
    topic = topic_named(f"{uuid4()}.")
    await create_topics(server.url, (topic,), partitions=6)
    bought, cancelled = payments(range(PAYMENTS)), payments(range(CANCELLED), sequence=2)
    async with opened_relays(server, database, topic) as relays:
        await write(database, bought[:BEFORE])
        await relays.until_published(BEFORE)
        await asyncio.to_thread(server.kill if killed else server.pause)
        try:
            passes = await outage(relays, bought[BEFORE:], cancelled)
        finally:
            await asyncio.to_thread(server.start if killed else server.resume)
        assert passes > 20
        status = await tries_by_status(database)
        assert status == {"PUBLISHED": (BEFORE, 0), "PENDING": (PAYMENTS + CANCELLED - BEFORE, 0)}
        # What a dead relay still holds, and what follows that, has to wait until its lease is over; nothing else has.
        await relays.until_published(PAYMENTS + CANCELLED - 2 * HELD)
        assert (await tries_by_status(database))["PENDING"] == (2 * HELD, 0)
        await let_time_pass(database, LONG)
        await relays.until_published(PAYMENTS + CANCELLED)
    assert await tries_by_status(database) == {"PUBLISHED": (PAYMENTS + CANCELLED, 0)}
    assert await dead_letters(database) == 0
    subscriber = KafkaSubscriber(server.url, topic, topic)
    log = await read_until_all(subscriber, [*bought, *cancelled], seconds=300)
    await subscriber.close()
    assert first_comings(log) == {message.key: [1, 2] if number < CANCELLED else [1] for number, message in enumerate(bought)}


async def outage(relays: Relays, bought: list[OutboxMessage], cancelled: list[OutboxMessage]) -> int:
    """Payments go on; each pass of the relays fails, and they wait as their role does. How many passes there were."""
    jitter, elapsed, passes = RandomJitter(), 0.0, 0
    await write(relays.database, bought[: 5 * BATCH])
    written = 5 * BATCH
    while elapsed < OUTAGE:
        if passes % DIES_EACH == 0:
            assert len(await SqlOutbox(relays.database).claim(f"dies-{passes}", HELD, 30)) == HELD
        await relays.fail()
        passes += 1
        wait = DEADLINE + RESTARTS.wait(min(passes, 10), jitter.chance())
        await let_time_pass(relays.database, round(wait))
        elapsed += wait
        until = max(written, round(len(bought) * min(elapsed / OUTAGE, 1.0)))
        await write(relays.database, bought[written:until])
        written = until
    assert len(await SqlOutbox(relays.database).claim("dies last", HELD, LONG)) == HELD
    await write(relays.database, cancelled)
    return passes
