"""The message broker of the one-process default: its log and its committed offsets are tables of the SQLite file.

It acknowledges after its own commit, so that a process killed at any moment loses nothing that was acknowledged. A
message's partition follows from its key; offsets rise over all partitions, with gaps within one.
"""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID
from zlib import crc32

from application.ports.clock import Clock
from application.ports.dead_letter_topic import SUFFIX, Poison
from application.ports.message_publisher import Published
from application.ports.message_subscriber import Delivery
from domain.errors import BrokerUnavailable
from domain.ids import MessageId
from domain.message import OutboxMessage

T = TypeVar("T")

log = logging.getLogger(__name__)

PARTITIONS = 8
"""Part of the file's format: where a key's messages lie follows from it."""
LOCK_PATIENCE = 5.0
"""Seconds to wait for the file's one write lock."""
LOOK_AGAIN = 0.5
"""Seconds after which a waiting subscriber looks by itself: another process may have published."""
KEPT_HANDLED = timedelta(hours=1)
KEPT_UNHANDLED = timedelta(days=7)
FORGET_BATCH = 500
LARGEST_PAYLOAD = 1_000_000
"""Bytes, about as much as Kafka takes."""
FAULTS_OF_THE_MESSAGE = (OverflowError, ValueError, sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError)
"""What SQLite says of a value that cannot be stored. Everything else says something about the file."""

_APPEND = """INSERT INTO broker_log (topic, "partition", message_id, shard_key, aggregate_type, "key", type, version, sequence,
 occurred_at, payload, appended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_READ = """SELECT "offset", message_id, shard_key, aggregate_type, "key", type, version, sequence, occurred_at, payload
, headers FROM broker_log WHERE topic = ? AND "partition" = ? AND "offset" >= ? ORDER BY "offset" LIMIT ?"""
# As it lies there, whatever is wrong with it.
_BURY = """INSERT INTO broker_log (topic, "partition", message_id, shard_key, aggregate_type, "key", type, version, sequence,
 occurred_at, payload, appended_at, headers) SELECT ?, "partition", message_id, shard_key, aggregate_type, "key", type, version, sequence,
 occurred_at, payload, ?, ? FROM broker_log WHERE "offset" = ?"""
_JOIN = 'INSERT OR IGNORE INTO broker_offsets (reader, topic, "partition", next_offset) VALUES (?, ?, ?, 0)'
_COMMITTED = 'SELECT "partition", next_offset FROM broker_offsets WHERE reader = ? AND topic = ?'
_COMMIT = """UPDATE broker_offsets SET next_offset = max(next_offset, ?) WHERE reader = ? AND topic = ? AND "partition" = ?"""
# Looks at the oldest messages only, so that forgetting costs the same however long the log is.
_FORGET = f"""DELETE FROM broker_log WHERE "offset" IN (
 SELECT "offset" FROM (SELECT "offset", topic, "partition", appended_at FROM broker_log ORDER BY "offset" LIMIT {FORGET_BATCH}) AS oldest
 WHERE appended_at < ? OR (appended_at < ? AND "offset" < (
  SELECT min(next_offset) FROM broker_offsets AS o WHERE o.topic = oldest.topic AND o."partition" = oldest."partition")))"""


class TooLarge(ValueError):
    """More than this broker takes."""


class EmbeddedBroker:
    """A MessagePublisher, and the subscribers to what it publishes. ``path`` is the migrated SQLite file."""

    def __init__(self, path: Path, clock: Clock, topic: str = "bookings") -> None:
        self._path = path
        self._clock = clock
        self.topic = topic
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="broker")
        self._opened: sqlite3.Connection | None = None
        self._readers: dict[str, list[EmbeddedSubscriber]] = {}

    async def publish(self, messages: Sequence[OutboxMessage]) -> Published:
        """All but those that cannot be stored, in one commit, or BrokerUnavailable."""
        if not messages:
            return Published()
        now = self._clock.now()
        refused: dict[MessageId, str] = {}

        def append(connection: sqlite3.Connection) -> None:
            refused.clear()
            for message in messages:
                try:
                    connection.execute(_APPEND, _row_of(message, self.topic, now))
                except FAULTS_OF_THE_MESSAGE as fault:
                    refused[message.id] = str(fault) if isinstance(fault, TooLarge) else f"cannot be stored: {type(fault).__name__}"
            connection.execute(_FORGET, (_text(now - KEPT_UNHANDLED), _text(now - KEPT_HANDLED)))

        await self.write(append)
        for subscriber in self._subscribers():
            subscriber.wake()
        for message_id, reason in refused.items():
            log.error("a message cannot be published", extra={"id": str(message_id), "fault": reason})
        return Published(acknowledged=tuple(message.id for message in messages if message.id not in refused), refused=refused)

    async def bury(self, poison: Sequence[Poison]) -> None:
        """A DeadLetterTopic: they are copied within the log. One that is forgotten already is left out."""
        now = _text(self._clock.now())
        rows = [
            (f"{topic}{SUFFIX}", now, json.dumps(each.headers, ensure_ascii=False), offset)
            for each in poison
            for topic, _, offset in (each.delivery.position,)
        ]
        await self.write(lambda connection: connection.executemany(_BURY, rows))

    def subscriber(self, reader: str) -> "EmbeddedSubscriber":
        """One more subscriber under this reader's name; those of one name in one process share the partitions."""
        subscriber = EmbeddedSubscriber(self, reader)
        self._readers.setdefault(reader, []).append(subscriber)
        self._rebalance(reader)
        return subscriber

    def leave(self, reader: str, subscriber: "EmbeddedSubscriber") -> None:
        """Its partitions go to the others, who start where it committed."""
        self._readers[reader].remove(subscriber)
        self._rebalance(reader)

    async def close(self) -> None:
        """Ends what is under way and closes the file; waiting subscribers get BrokerUnavailable."""

        def close() -> None:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

        await asyncio.wrap_future(self._thread.submit(close))
        self._thread.shutdown(wait=False)
        for subscriber in self._subscribers():
            subscriber.wake()

    async def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Runs the change in a transaction of its own, committed when this returns."""

        def transaction(connection: sqlite3.Connection) -> T:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = change(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result

        return await self.read(transaction)

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Runs the query in the broker's own thread. Raises BrokerUnavailable."""
        try:
            running = self._thread.submit(lambda: query(self._connection()))
        except RuntimeError as closed:
            raise BrokerUnavailable("the broker is closed") from closed
        try:
            return await asyncio.wrap_future(running)
        except sqlite3.Error as fault:
            raise BrokerUnavailable(str(fault)) from fault

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            opened = sqlite3.connect(self._path, timeout=LOCK_PATIENCE, isolation_level=None, check_same_thread=False)
            opened.execute("PRAGMA synchronous = FULL")
            self._opened = opened
        return self._opened

    def _subscribers(self) -> list["EmbeddedSubscriber"]:
        return [subscriber for subscribers in self._readers.values() for subscriber in subscribers]

    def _rebalance(self, reader: str) -> None:
        members = self._readers[reader]
        for index, member in enumerate(members):
            member.assign(frozenset(range(index, PARTITIONS, len(members))))


class EmbeddedSubscriber:
    """A MessageSubscriber. Made by ``EmbeddedBroker.subscriber``."""

    def __init__(self, broker: EmbeddedBroker, reader: str) -> None:
        self._broker = broker
        self._reader = reader
        self._partitions: frozenset[int] = frozenset()
        self._next: dict[int, int] | None = None
        """Partition → the offset to read next; None: to be read from what is committed."""
        self._news = asyncio.Event()

    def assign(self, partitions: frozenset[int]) -> None:
        if partitions != self._partitions:
            self._partitions = partitions
            self._next = None

    def wake(self) -> None:
        self._news.set()

    async def receive(self, limit: int, wait_seconds: float) -> Sequence[Delivery]:
        """Raises BrokerUnavailable."""
        deadline = asyncio.get_running_loop().time() + wait_seconds
        while True:
            self._news.clear()
            if deliveries := await self._read(limit):
                return deliveries
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return ()
            try:
                async with asyncio.timeout(min(left, LOOK_AGAIN)):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def commit(self, deliveries: Sequence[Delivery]) -> None:
        """Raises BrokerUnavailable."""
        ends: dict[int, int] = {}
        for delivery in deliveries:
            _, partition, offset = delivery.position
            ends[partition] = max(ends.get(partition, 0), offset + 1)
        rows = [(end, self._reader, self._broker.topic, partition) for partition, end in ends.items()]
        if rows:
            await self._broker.write(lambda connection: connection.executemany(_COMMIT, rows))

    async def close(self) -> None:
        """What was received and not committed goes to others of the same name."""
        self._broker.leave(self._reader, self)

    async def _read(self, limit: int) -> list[Delivery]:
        partitions = self._partitions
        if self._next is None:
            self._next = await self._committed()
        start = dict(self._next)

        def query(connection: sqlite3.Connection) -> list[Delivery]:
            found: list[Delivery] = []
            for partition in partitions:
                rows = connection.execute(_READ, (self._broker.topic, partition, start.get(partition, 0), limit))
                found.extend(_delivery_of(self._broker.topic, partition, row) for row in rows)
            return sorted(found, key=lambda delivery: delivery.position[2])[:limit]

        deliveries = await self._broker.read(query)
        if partitions != self._partitions or self._next is None:
            return []  # the partitions were dealt anew meanwhile: these may be another's
        for delivery in deliveries:
            _, partition, offset = delivery.position
            self._next[partition] = offset + 1
        return deliveries

    async def _committed(self) -> dict[int, int]:
        """A new reader starts at the beginning, and from then on nothing is forgotten before it has seen it."""
        topic = self._broker.topic

        def join(connection: sqlite3.Connection) -> dict[int, int]:
            connection.executemany(_JOIN, [(self._reader, topic, partition) for partition in range(PARTITIONS)])
            return dict(connection.execute(_COMMITTED, (self._reader, topic)).fetchall())

        return await self._broker.write(join)


def partition_of(key: UUID) -> int:
    return crc32(key.bytes) % PARTITIONS


def _row_of(message: OutboxMessage, topic: str, now: datetime) -> tuple[object, ...]:
    """Raises TooLarge, or another ValueError where the payload is no text that could be written."""
    if len(message.payload.encode()) > LARGEST_PAYLOAD:
        raise TooLarge(f"more than {LARGEST_PAYLOAD} bytes")
    json.loads(message.payload)
    return (
        topic,
        partition_of(message.key),
        message.id.bytes,
        message.shard_key.bytes,
        message.aggregate_type,
        message.key.bytes,
        message.type,
        message.version,
        message.sequence,
        _text(message.occurred_at),
        message.payload,
        _text(now),
    )


def _delivery_of(topic: str, partition: int, row: tuple[Any, ...]) -> Delivery:
    offset, message_id, shard_key, aggregate_type, key, message_type, version, sequence, occurred_at, payload, beside = row
    lies = Delivery(
        message=None,
        position=(topic, partition, offset),
        value=payload.encode() if isinstance(payload, str) else payload,
        headers=tuple((name, value.encode()) for name, value in json.loads(beside or "{}").items()),
    )
    try:
        message = OutboxMessage(
            id=MessageId(UUID(bytes=message_id)),
            shard_key=UUID(bytes=shard_key),
            aggregate_type=aggregate_type,
            key=UUID(bytes=key),
            type=message_type,
            version=version,
            sequence=sequence,
            occurred_at=datetime.fromisoformat(occurred_at),
            payload=payload,
        )
    except (ValueError, TypeError) as unreadable:
        return replace(lies, unreadable=f"{type(unreadable).__name__}: {unreadable}")
    return replace(lies, message=message)


def _text(moment: datetime) -> str:
    """Of one width, so that texts compare as their moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
