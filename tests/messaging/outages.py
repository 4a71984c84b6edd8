"""A relay as its role runs it, over an outbox of many messages, with a broker that can be taken away."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select

from adapters.sql import core_tables as tables
from adapters.sql.database import Database
from adapters.sql.outbox import SqlOutbox
from adapters.system.ids import Uuid7Generator
from adapters.system.jitter import RandomJitter
from application.messaging.relay_outbox import RelayOutbox
from application.ports.message_publisher import MessagePublisher, PartlyPublished, Published
from domain.errors import BrokerUnavailable
from domain.ids import MessageId
from domain.message import OutboxMessage
from tests.application.test_retrying import Counted
from tests.contracts.rows import NOW, uid
from tests.contracts.test_outbox import a_message, put

ROWS_AT_ONCE = 1_000


class Gate:
    """In front of a broker. Shut, it lets nothing through; half shut, the broker takes every other message and is not heard of again."""

    def __init__(self, broker: MessagePublisher) -> None:
        self._broker = broker
        self.shut = False
        self.half = False

    async def publish(self, messages: Sequence[OutboxMessage]) -> Published:
        if self.shut and self.half:
            raise PartlyPublished(await self._broker.publish(messages[::2]))
        if self.shut:
            raise BrokerUnavailable("away")
        return await self._broker.publish(messages)


def payments(keys: range, sequence: int = 1) -> list[OutboxMessage]:
    """One message of each key, as payments leave them."""
    return [
        a_message(
            number=key * 10 + sequence,
            key=1_000_000 + key,
            sequence=sequence,
            id=MessageId(uid(key * 10 + sequence)),
            occurred_at=NOW + timedelta(milliseconds=key * 10 + sequence),
        )
        for key in keys
    ]


async def write(database: Database, messages: Sequence[OutboxMessage]) -> None:
    for start in range(0, len(messages), ROWS_AT_ONCE):
        await put(database, messages[start : start + ROWS_AT_ONCE])


def relay_over(database: Database, publisher: MessagePublisher, owner: str = "relay", batch: int = 200) -> RelayOutbox:
    return RelayOutbox(SqlOutbox(database), publisher, Uuid7Generator(), RandomJitter(), Counted(), owner, batch=batch)


async def drain(relay: Callable[[], Awaitable[int]]) -> int:
    """Until nothing is left that could be claimed."""
    passes = 0
    while await relay():
        passes += 1
    return passes


async def tries_by_status(database: Database) -> dict[str, tuple[int, int]]:
    """Status → messages, and the tries spent on them."""
    columns = tables.OUTBOX_MESSAGES.c
    rows = await database.rows(
        select(columns.status, func.count().label("messages"), func.sum(columns.attempts).label("tries")).group_by(columns.status)
    )
    return {str(row.status): (row.messages, int(row.tries)) for row in rows}


async def dead_letters(database: Database) -> int:
    [row] = await database.rows(select(func.count()).select_from(tables.DEAD_LETTERS))
    count: int = row[0]
    return count


def first_comings(messages: Sequence[OutboxMessage]) -> dict[UUID, list[int]]:
    """Of each key the sequences, in the order in which a reader meets them first."""
    of_key: dict[UUID, list[int]] = defaultdict(list)
    for message in messages:
        if message.sequence not in of_key[message.key]:
            of_key[message.key].append(message.sequence)
    return dict(of_key)
