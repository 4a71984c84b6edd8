"""What only the embedded broker promises: the file outlives the process, stays small, and is shared fairly."""

import asyncio
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from adapters.embedded.broker import (
    FORGET_BATCH,
    KEPT_HANDLED,
    KEPT_UNHANDLED,
    LARGEST_PAYLOAD,
    LOOK_AGAIN,
    PARTITIONS,
    EmbeddedBroker,
    EmbeddedSubscriber,
    partition_of,
)
from application.ports.dead_letter_topic import Poison
from application.ports.message_publisher import Published
from application.ports.message_subscriber import Delivery
from domain.errors import BrokerUnavailable
from domain.ids import MessageId
from tests.adapters.embedded.broker_process import message
from tests.contracts.clocks import FixedClock

KEYS = [UUID(int=number) for number in range(1, 40)]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def broker(sqlite_file: Path, clock: FixedClock) -> AsyncIterator[EmbeddedBroker]:
    broker = EmbeddedBroker(sqlite_file, clock)
    yield broker
    await broker.close()


async def everything(subscriber: EmbeddedSubscriber) -> list[Delivery]:
    deliveries: list[Delivery] = []
    while found := await subscriber.receive(100, 0.0):
        deliveries.extend(found)
    return deliveries


def ids(deliveries: list[Delivery]) -> set[MessageId]:
    return {delivery.message.id for delivery in deliveries if delivery.message is not None}


def rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        count: int = connection.execute("SELECT count(*) FROM broker_log").fetchone()[0]
    return count


async def left_after_the_end(path: Path) -> tuple[list[Delivery], list[Delivery]]:
    """The whole log, and what the consumer has not handled."""
    broker = EmbeddedBroker(path, FixedClock())
    whole_log, not_handled = await everything(broker.subscriber("auditor")), await everything(broker.subscriber("consumer"))
    await broker.close()
    return whole_log, not_handled


def killed_process(path: Path, first_sequence: int, after_seconds: float) -> list[list[str]]:
    """The lines that a process wrote out before it was killed."""
    command = [sys.executable, "-m", "tests.adapters.embedded.broker_process", str(path), str(first_sequence)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as process:
        assert process.stdout is not None
        said = [process.stdout.readline()]  # it runs
        time.sleep(after_seconds)
        process.kill()
        said.extend(process.stdout)
    return [line.split() for line in said if line.endswith("\n")]


def test_a_process_killed_at_any_moment_loses_nothing_acknowledged_and_repeats_nothing_committed(sqlite_file: Path) -> None:
    acknowledged: set[MessageId] = set()
    committed: set[MessageId] = set()
    chance = random.Random(20300501)
    for generation in range(5):
        words = killed_process(sqlite_file, generation * 1_000_000, chance.uniform(0.05, 0.6))
        acknowledged |= {MessageId(UUID(number)) for word, number in words if word == "acknowledged"}
        committed |= {MessageId(UUID(number)) for word, number in words if word == "committed"}
    whole_log, not_handled = asyncio.run(left_after_the_end(sqlite_file))
    assert len(acknowledged) > 50
    assert committed
    assert acknowledged - ids(whole_log) == set()
    assert ids(not_handled) & committed == set()
    for key in KEYS[:5]:
        sequences = [delivery.message.sequence for delivery in whole_log if delivery.message is not None and delivery.message.key == key]
        assert sequences == sorted(set(sequences))


async def test_a_key_stays_in_its_partition_and_keys_are_spread(broker: EmbeddedBroker) -> None:
    assert {partition_of(key) for key in KEYS} == set(range(PARTITIONS))
    assert partition_of(UUID(int=1)) == 3  # part of the file's format: another number would tear keys apart


async def test_subscribers_of_one_name_share_the_partitions(broker: EmbeddedBroker) -> None:
    sent = (await broker.publish([message(key, 1) for key in KEYS])).acknowledged
    first, second = broker.subscriber("consumer"), broker.subscriber("consumer")
    of_first, of_second = await everything(first), await everything(second)
    assert ids(of_first) & ids(of_second) == set()
    assert ids(of_first) | ids(of_second) == set(sent)
    assert {delivery.position[1] for delivery in of_first} == {0, 2, 4, 6}
    await first.commit(of_first)
    await second.close()
    assert ids(await everything(first)) == ids(of_second)


async def test_an_older_commit_takes_nothing_back(broker: EmbeddedBroker) -> None:
    await broker.publish([message(KEYS[0], sequence) for sequence in range(1, 4)])
    subscriber = broker.subscriber("consumer")
    deliveries = await everything(subscriber)
    await subscriber.commit(deliveries)
    await subscriber.commit(deliveries[:1])
    await subscriber.close()
    assert await everything(broker.subscriber("consumer")) == []


async def test_a_waiting_subscriber_is_woken_and_need_not_look_again(broker: EmbeddedBroker) -> None:
    waiting = asyncio.create_task(broker.subscriber("consumer").receive(1, 30.0))
    await asyncio.sleep(0.1)
    sent = (await broker.publish([message(KEYS[0], 1)])).acknowledged
    async with asyncio.timeout(LOOK_AGAIN / 2):
        assert ids(list(await waiting)) == set(sent)


async def test_what_every_reader_has_handled_is_forgotten_after_an_hour(
    broker: EmbeddedBroker, clock: FixedClock, sqlite_file: Path
) -> None:
    await broker.publish([message(KEYS[0], 1), message(KEYS[1], 1)])
    fast, slow = broker.subscriber("fast"), broker.subscriber("slow")
    await fast.commit(await everything(fast))
    seen_by_slow = await everything(slow)
    await slow.commit([delivery for delivery in seen_by_slow if delivery.position[1] == partition_of(KEYS[0])])
    clock.move(KEPT_HANDLED)
    await broker.publish([message(KEYS[2], 1)])
    assert rows(sqlite_file) == 3
    clock.move(timedelta(microseconds=1))
    await broker.publish([message(KEYS[3], 1)])
    assert rows(sqlite_file) == 3  # the one that both had handled is gone
    await slow.close()
    left = ids(await everything(broker.subscriber("slow")))
    assert len(left) == 3
    assert ids(seen_by_slow) & left == ids([d for d in seen_by_slow if d.position[1] == partition_of(KEYS[1])])


async def test_what_nobody_read_is_kept_for_a_week(broker: EmbeddedBroker, clock: FixedClock, sqlite_file: Path) -> None:
    await broker.publish([message(KEYS[0], 1)])
    clock.move(KEPT_UNHANDLED)
    await broker.publish([message(KEYS[1], 1)])
    assert rows(sqlite_file) == 2
    clock.move(timedelta(microseconds=1))
    await broker.publish([message(KEYS[2], 1)])
    assert rows(sqlite_file) == 2


async def test_offsets_go_on_when_everything_was_forgotten(broker: EmbeddedBroker, sqlite_file: Path) -> None:
    subscriber = broker.subscriber("consumer")
    await broker.publish([message(KEYS[0], 1)])
    await subscriber.commit(await everything(subscriber))
    with closing(sqlite3.connect(sqlite_file)) as connection, connection:
        connection.execute("DELETE FROM broker_log")
    sent = (await broker.publish([message(KEYS[0], 2)])).acknowledged
    assert ids(await everything(subscriber)) == set(sent)


async def test_forgetting_keeps_up_with_publishing(broker: EmbeddedBroker, clock: FixedClock, sqlite_file: Path) -> None:
    await broker.publish([message(KEYS[0], sequence) for sequence in range(FORGET_BATCH + 10)])
    clock.move(KEPT_UNHANDLED + timedelta(seconds=1))
    await broker.publish([message(KEYS[0], FORGET_BATCH + 11)])
    assert rows(sqlite_file) == 11
    await broker.publish([message(KEYS[0], FORGET_BATCH + 12)])
    assert rows(sqlite_file) == 2


async def test_a_row_that_is_no_message_is_delivered_with_the_reason_and_blocks_nobody(broker: EmbeddedBroker, sqlite_file: Path) -> None:
    await broker.publish([message(KEYS[0], 1)])
    with closing(sqlite3.connect(sqlite_file)) as connection, connection:
        connection.execute("UPDATE broker_log SET occurred_at = 'yesterday'")
    good = (await broker.publish([message(KEYS[0], 2)])).acknowledged
    bad, *rest = await everything(broker.subscriber("consumer"))
    assert bad.message is None
    assert bad.unreadable == "ValueError: Invalid isoformat string: 'yesterday'"
    assert ids(rest) == set(good)


async def test_a_missing_file_is_a_broker_that_is_away(tmp_path: Path, clock: FixedClock) -> None:
    broker = EmbeddedBroker(tmp_path / "none" / "concert.db", clock)
    with pytest.raises(BrokerUnavailable):
        await broker.publish([message(KEYS[0], 1)])
    with pytest.raises(BrokerUnavailable):
        await broker.subscriber("consumer").receive(1, 0.0)
    await broker.close()


async def test_what_cannot_be_stored_is_refused_alone(broker: EmbeddedBroker, sqlite_file: Path) -> None:
    poison = message(KEYS[1], 2**70)  # SQLite's integers end at 2^63
    largest = replace(message(KEYS[0], 2), payload=f'"{"x" * (LARGEST_PAYLOAD - 2)}"')
    too_large = replace(message(KEYS[0], 3), payload=f'"{"x" * (LARGEST_PAYLOAD - 1)}"')
    good = message(KEYS[0], 1)
    assert await broker.publish([good, poison, largest, too_large]) == Published(
        acknowledged=(good.id, largest.id),
        refused={poison.id: "cannot be stored: OverflowError", too_large.id: "more than 1000000 bytes"},
    )
    assert rows(sqlite_file) == 2


async def test_what_is_forgotten_can_be_buried_no_more(broker: EmbeddedBroker, sqlite_file: Path) -> None:
    await broker.publish([message(KEYS[0], 1)])
    [delivery] = await everything(broker.subscriber("consumer"))
    with closing(sqlite3.connect(sqlite_file)) as connection, connection:
        connection.execute("DELETE FROM broker_log")
    await broker.bury([Poison(delivery=delivery, reason="reason", tries=1)])
    assert rows(sqlite_file) == 0


async def test_a_closed_broker_says_so_to_who_waits(sqlite_file: Path, clock: FixedClock) -> None:
    broker = EmbeddedBroker(sqlite_file, clock)
    waiting = asyncio.create_task(broker.subscriber("consumer").receive(1, 30.0))
    await asyncio.sleep(0.05)
    started = time.monotonic()
    await broker.close()
    with pytest.raises(BrokerUnavailable):
        await waiting
    assert time.monotonic() - started < 5
