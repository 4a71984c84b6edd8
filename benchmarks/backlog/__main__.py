"""`python -m benchmarks.backlog`: a backlog of messages is published and handled, in flat memory.

Without servers it runs on SQLite and the embedded broker; with TEST_MYSQL_URL and TEST_KAFKA_BOOTSTRAP on those.
"""

import argparse
import asyncio
import gc
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from uuid import uuid4

from adapters.embedded.broker import EmbeddedBroker
from adapters.kafka.publisher import KafkaPublisher
from adapters.kafka.subscriber import KafkaSubscriber
from adapters.kafka.topics import create_topics, topic_named
from adapters.sql.database import Database, database_at
from adapters.sql.migrate import migrate
from adapters.system.clock import SystemClock
from application.ports.message_publisher import MessagePublisher
from application.ports.message_subscriber import MessageSubscriber
from tests.messaging.outages import payments, relay_over, tries_by_status, write
from tests.servers.databases import fresh_mysql_database

SAMPLES = 20
WARM = 4
"""Samples that do not count: caches fill, pools open."""
ALLOWED_MIB = 10.0
"""Growth from the warm state to the end. A list of 100,000 messages alone takes ten times as much."""
FILL = 10_000


def main(arguments: Sequence[str] | None = None) -> int:
    """1 if memory grew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backlog", description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    options = parser.parse_args(arguments)
    with _database_url() as url:
        return asyncio.run(_run(url, options.messages))


async def _run(url: str, count: int) -> int:
    await migrate(url)
    async with AsyncExitStack() as stack:
        database = database_at(url)
        await database.open()
        stack.push_async_callback(database.close)
        publisher, subscriber = await stack.enter_async_context(_broker(url))
        for start in range(0, count, FILL):
            await write(database, payments(range(start, min(start + FILL, count))))
        relaying = await _drained("published", count, relay_over(database, publisher))
        reading = await _drained("read", count, _reading(subscriber))
        await _assert_published(database)
    return max(relaying, reading)


async def _drained(did: str, count: int, work: Callable[[], Awaitable[int]]) -> int:
    """Works until all is done, and watches the memory."""
    memory: list[float] = []
    done, started = 0, time.monotonic()
    while done < count:
        done += await work()
        if done >= count * (len(memory) + 1) / SAMPLES:
            gc.collect()
            memory.append(_resident_mib())
    seconds = time.monotonic() - started
    growth = max(memory[WARM:]) - memory[WARM]
    print(f"{did}={done} per_second={done / seconds:.0f} rss_mib={memory[WARM]:.1f} growth_mib={growth:.1f}", flush=True)
    return 0 if growth <= ALLOWED_MIB else 1


def _reading(subscriber: MessageSubscriber) -> Callable[[], Awaitable[int]]:
    async def read() -> int:
        deliveries = await subscriber.receive(100, 1.0)
        await subscriber.commit(deliveries)
        return len(deliveries)

    return read


async def _assert_published(database: Database) -> None:
    assert set(await tries_by_status(database)) == {"PUBLISHED"}


@contextmanager
def _database_url() -> Iterator[str]:
    if server := os.environ.get("TEST_MYSQL_URL"):
        with fresh_mysql_database(server) as url:
            yield url
        return
    with tempfile.TemporaryDirectory(prefix="concert-backlog-") as directory:
        yield f"sqlite:///{Path(directory) / 'concert.db'}"


@asynccontextmanager
async def _broker(url: str) -> AsyncIterator[tuple[MessagePublisher, MessageSubscriber]]:
    if bootstrap := os.environ.get("TEST_KAFKA_BOOTSTRAP"):
        topic = topic_named(f"{uuid4()}.")
        await create_topics(bootstrap, (topic,))
        publisher, reader = KafkaPublisher(bootstrap, topic), KafkaSubscriber(bootstrap, topic, topic)
        yield publisher, reader
        await publisher.close()
        await reader.close()
        return
    if not url.startswith("sqlite:"):
        raise SystemExit("TEST_MYSQL_URL without TEST_KAFKA_BOOTSTRAP: name both, or none")
    broker = EmbeddedBroker(Path(url.removeprefix("sqlite:///")), SystemClock())
    yield broker, broker.subscriber("benchmark")
    await broker.close()


def _resident_mib() -> float:
    """Of this process, as Linux has it."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    sys.exit(main())
