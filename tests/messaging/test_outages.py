"""The broker goes away, and comes back: nothing is lost, nothing is blamed, and memory stays flat."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.embedded.broker import EmbeddedBroker
from adapters.sql.database import Database, database_at
from adapters.sql.migrate import migrate
from adapters.system.jitter import RandomJitter
from domain.errors import BrokerUnavailable
from domain.message import OutboxMessage
from entrypoints.worker import RESTARTS
from tests.contracts.clocks import FixedClock
from tests.messaging.outages import Gate, dead_letters, drain, first_comings, payments, relay_over, tries_by_status, write

OUTAGE = 600.0
"""Seconds, of which the relay's waits are counted and not slept."""
PAYMENTS = 10_000
CANCELLED = 1_000
"""Of them, while the broker is away: their messages have to follow their payments'."""


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    path = tmp_path / "concert.db"
    await migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    database = database_at(f"sqlite:///{path}")
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def broker(path: Path) -> AsyncIterator[EmbeddedBroker]:
    broker = EmbeddedBroker(path, FixedClock())
    yield broker
    await broker.close()


async def read_all(broker: EmbeddedBroker) -> list[OutboxMessage]:
    subscriber = broker.subscriber("auditor")
    found: list[OutboxMessage] = []
    while deliveries := await subscriber.receive(1_000, 0.0):
        found += [delivery.message for delivery in deliveries if delivery.message]
    return found


async def test_ten_minutes_without_a_broker_and_ten_thousand_payments_leave_no_dead_letter(
    database: Database, broker: EmbeddedBroker
) -> None:
    gate, jitter = Gate(broker), RandomJitter()
    relay = relay_over(database, gate)
    waiting = payments(range(PAYMENTS))
    await write(database, waiting[:200])
    assert await drain(relay) == 1
    gate.shut = True
    await write(database, waiting[200:400])
    elapsed, failures = 0.0, 0
    while elapsed < OUTAGE:
        written = 400 + round((PAYMENTS - 400) * elapsed / OUTAGE)
        elapsed += RESTARTS.wait(min(failures + 1, 10), jitter.chance())
        until = 400 + round((PAYMENTS - 400) * min(elapsed, OUTAGE) / OUTAGE)
        await write(database, waiting[written:until])
        gate.half = failures in (3, 30)  # now and then something gets through, and nobody hears of the rest
        with pytest.raises(BrokerUnavailable):
            await relay()
        failures += 1
    await write(database, payments(range(CANCELLED), sequence=2))
    assert failures > 60
    status = await tries_by_status(database)
    assert status["PENDING"] == (PAYMENTS + CANCELLED - 400, 0)
    assert status["PUBLISHED"] == (400, 0)
    gate.shut = False
    await drain(relay)
    assert await tries_by_status(database) == {"PUBLISHED": (PAYMENTS + CANCELLED, 0)}
    assert await dead_letters(database) == 0
    log = await read_all(broker)
    assert len(log) == PAYMENTS + CANCELLED, "each is on the log once"
    assert sorted(first_comings(log).values()) == [[1]] * (PAYMENTS - CANCELLED) + [[1, 2]] * CANCELLED


async def test_a_backlog_drains_in_flat_memory(database: Database, broker: EmbeddedBroker) -> None:
    """The short form of ``benchmarks.backlog``."""
    await write(database, payments(range(3_000)))
    relay = relay_over(database, broker)
    await relay()
    held: list[int] = []
    tracemalloc.start()
    try:
        while await relay():
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(held) == 14
    early, late = min(held[2:6]), min(held[-4:])  # what else runs in the process allocates now and then
    assert late - early < 100_000, held
    assert peak < 8_000_000, peak


async def test_poison_among_many_dies_alone(database: Database, broker: EmbeddedBroker) -> None:
    """While its later messages wait for it, no other key does."""
    good = payments(range(300))
    poison = [message_with(message, "{ no JSON") for message in payments(range(300, 303))]
    behind = payments(range(300, 303), sequence=2)
    await write(database, [*poison, *good, *behind])
    relay = relay_over(database, broker, batch=100)
    async with asyncio.timeout(60):
        while (await tries_by_status(database)).get("PUBLISHED", (0, 0))[0] < 303:
            await relay()
            await database.write(lambda connection: connection.exec_driver_sql("UPDATE outbox_messages SET next_attempt_at = NULL"))
    assert await tries_by_status(database) == {"PUBLISHED": (303, 0), "DEAD": (3, 15)}
    assert await dead_letters(database) == 3
    comings = first_comings(await read_all(broker))
    assert [comings[message.key] for message in behind] == [[2]] * 3
    assert [comings[message.key] for message in good] == [[1]] * 300


def message_with(message: OutboxMessage, payload: str) -> OutboxMessage:
    return replace(message, payload=payload)
