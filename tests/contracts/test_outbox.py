"""The contract of Outbox."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from adapters.sql import core_tables as tables
from adapters.sql.database import Database
from adapters.sql.dead_letter_queue import SqlDeadLetterQueue
from adapters.sql.old_rows import published_messages
from adapters.sql.outbox import OVERFETCH, SqlOutbox
from application.ports.dead_letter_queue import DeadLetter, LetterOrigin
from application.ports.outbox import DueMessage, GivenUp, RetryLater
from domain.ids import DeadLetterId, MessageId
from domain.message import OutboxMessage, OutboxStatus
from tests.contracts.rows import NOW, insert_rows, uid

OUTBOX = tables.OUTBOX_MESSAGES
LEASE = 60
ENDED = 0
"""A lease of no time at all: it has run out when the next one looks."""


def a_message(number: int, key: int = 1, sequence: int = 1, **changes: Any) -> OutboxMessage:
    fields: dict[str, Any] = {
        "id": MessageId(uid(number)),
        "shard_key": uid(900),
        "aggregate_type": "reservation",
        "key": uid(key),
        "type": "PaymentCompleted",
        "version": 1,
        "sequence": sequence,
        "occurred_at": NOW + timedelta(seconds=number),
        "payload": '{"title": "봄 \\"콘서트\\""}',
    }
    return OutboxMessage(**(fields | changes))


async def put(database: Database, messages: Iterable[OutboxMessage], **changes: Any) -> None:
    """As the unit of work leaves them."""
    await insert_rows(
        database,
        OUTBOX,
        (
            {
                "shard_key": message.shard_key,
                "id": message.id,
                "aggregatetype": message.aggregate_type,
                "aggregateid": message.key,
                "type": message.type,
                "version": message.version,
                "sequence": message.sequence,
                "occurred_at": message.occurred_at,
                "payload": message.payload,
                "status": OutboxStatus.PENDING,
                "attempts": 0,
            }
            | changes
            for message in messages
        ),
    )


async def claimed_by(outbox: SqlOutbox, owner: str, limit: int = 10, lease: int = LEASE) -> list[OutboxMessage]:
    return [due.message for due in await outbox.claim(owner, limit, lease)]


async def row_of(database: Database, message: OutboxMessage) -> Any:
    [row] = await database.rows(select(OUTBOX).where(OUTBOX.c.id == message.id))
    return row


@pytest.fixture
def outbox(database: Database) -> SqlOutbox:
    return SqlOutbox(database)


async def test_a_claimed_message_is_as_it_was_written(database: Database, outbox: SqlOutbox) -> None:
    message = a_message(1, version=3, sequence=7)
    await put(database, [message])
    assert await claimed_by(outbox, "relay", 10, LEASE) == [message]


async def test_no_more_than_asked_for_and_nothing_twice(database: Database, outbox: SqlOutbox) -> None:
    messages = [a_message(number, key=number) for number in range(1, 6)]
    await put(database, messages)
    claims = [await claimed_by(outbox, "relay", 2, LEASE) for _ in range(4)]
    assert [len(claimed) for claimed in claims] == [2, 2, 1, 0]
    assert {message.id for claimed in claims for message in claimed} == {message.id for message in messages}


async def test_what_has_waited_long_goes_before_what_has_just_come(database: Database, outbox: SqlOutbox) -> None:
    by_age = [a_message(100 - age, key=age, occurred_at=NOW - timedelta(hours=age)) for age in range(20, 0, -1)]
    await put(database, by_age)
    claimed = await claimed_by(outbox, "relay", 5, LEASE)
    assert [message for message in by_age[: 5 * OVERFETCH] if message in claimed] == sorted(claimed, key=lambda m: m.occurred_at)


async def test_of_a_key_only_the_lowest_unpublished_is_claimed(database: Database, outbox: SqlOutbox) -> None:
    first, second, third = (a_message(number, key=1, sequence=number) for number in (1, 2, 3))
    other = a_message(4, key=2, sequence=9)
    await put(database, [third, second, first, other])
    assert await claimed_by(outbox, "relay", 10, LEASE) == [first, other]
    assert await claimed_by(outbox, "another", 10, LEASE) == []
    await outbox.mark_published("relay", [first.id])
    assert await claimed_by(outbox, "another", 10, LEASE) == [second]
    assert await claimed_by(outbox, "relay", 10, LEASE) == []


async def test_a_dead_message_releases_its_key_and_is_not_claimed(database: Database, outbox: SqlOutbox) -> None:
    dead, second = a_message(1, sequence=1), a_message(2, sequence=2)
    await put(database, [dead], status=OutboxStatus.DEAD)
    await put(database, [second])
    assert await claimed_by(outbox, "relay", 10, LEASE) == [second]


async def test_a_message_that_is_retried_is_claimed_and_holds_its_key(database: Database, outbox: SqlOutbox) -> None:
    retried, second = a_message(1, sequence=1), a_message(2, sequence=2)
    await put(database, [retried], status=OutboxStatus.RETRYING)
    await put(database, [second])
    assert await claimed_by(outbox, "relay", 10, LEASE) == [retried]
    assert await claimed_by(outbox, "relay", 10, LEASE) == []


async def test_a_lease_that_ran_out_is_taken_over_and_its_owner_can_do_nothing(database: Database, outbox: SqlOutbox) -> None:
    message = a_message(1)
    await put(database, [message])
    assert await claimed_by(outbox, "slow", 10, ENDED) == [message]
    assert await claimed_by(outbox, "quick", 10, LEASE) == [message]
    await outbox.mark_published("slow", [message.id])
    await outbox.release("slow", [message.id], "late")
    row = await row_of(database, message)
    assert (row.status, row.published_at, row.lease_owner, row.last_fault) == ("PENDING", None, "quick", None)
    assert row.leased_until is not None


async def test_a_lease_that_ran_out_and_was_not_taken_over_still_counts(database: Database, outbox: SqlOutbox) -> None:
    message = a_message(1)
    await put(database, [message])
    await claimed_by(outbox, "slow", 10, ENDED)
    await outbox.mark_published("slow", [message.id])
    assert (await row_of(database, message)).status == "PUBLISHED"


async def test_a_published_message_is_not_claimed_again(database: Database, outbox: SqlOutbox) -> None:
    message = a_message(1)
    await put(database, [message])
    await claimed_by(outbox, "relay", 10, ENDED)
    await outbox.mark_published("relay", [message.id])
    row = await row_of(database, message)
    assert (row.status, row.lease_owner, row.leased_until) == ("PUBLISHED", None, None)
    assert row.published_at is not None
    await outbox.release("relay", [message.id], "too late")
    assert await claimed_by(outbox, "relay", 10, LEASE) == []


async def test_a_released_message_is_claimable_at_once_with_its_fault(database: Database, outbox: SqlOutbox) -> None:
    message = a_message(1)
    await put(database, [message])
    await claimed_by(outbox, "relay", 10, LEASE)
    await outbox.release("relay", [message.id], "x" * 1_000)
    row = await row_of(database, message)
    assert (row.status, row.lease_owner, row.last_fault) == ("PENDING", None, "x" * 500)
    assert await claimed_by(outbox, "another", 10, LEASE) == [message]


async def refuse(outbox: SqlOutbox, message: OutboxMessage, seconds: float = 0.0, fault: str = "too large") -> None:
    """A try, and its end."""
    [due] = await outbox.claim("relay", 1, LEASE)
    assert due.message == message
    await outbox.refuse("relay", [RetryLater(id=message.id, fault=fault, seconds=seconds)])


async def test_a_refusal_spends_a_try_and_the_message_waits_for_its_time(database: Database, outbox: SqlOutbox) -> None:
    message, later = a_message(1), a_message(2, sequence=2)
    await put(database, [message, later])
    await refuse(outbox, message, seconds=3600.0, fault="x" * 600)
    row = await row_of(database, message)
    assert (row.status, row.attempts, row.last_fault, row.lease_owner) == ("RETRYING", 1, "x" * 500, None)
    assert abs(row.next_attempt_at - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=1)
    assert await outbox.claim("relay", 10, LEASE) == [], "it keeps its key in order while it waits"
    await database.write(lambda connection: connection.execute(update(OUTBOX).values(next_attempt_at=NOW - timedelta(days=5000))))
    assert await outbox.claim("relay", 10, LEASE) == [DueMessage(message=message, attempts=1)]
    assert await outbox.backlog() == 2


async def test_tries_are_counted_and_a_broker_that_is_away_spends_none(database: Database, outbox: SqlOutbox) -> None:
    message = a_message(1)
    await put(database, [message])
    for tries in range(3):
        assert await outbox.claim("relay", 10, LEASE) == [DueMessage(message=message, attempts=tries)]
        await outbox.refuse("relay", [RetryLater(id=message.id, fault="too large", seconds=0)])
        await outbox.claim("relay", 10, LEASE)
        await outbox.release("relay", [message.id], "the broker is away")
    await outbox.claim("relay", 10, LEASE)
    await outbox.mark_published("relay", [message.id])
    row = await row_of(database, message)
    assert (row.status, row.attempts, row.next_attempt_at) == ("PUBLISHED", 3, None)


async def test_a_message_given_up_is_dead_with_a_letter_and_releases_its_key(database: Database, outbox: SqlOutbox) -> None:
    message, later = a_message(1, version=3, sequence=1), a_message(2, sequence=2)
    await put(database, [message, later], attempts=4)
    await outbox.claim("relay", 1, LEASE)
    letter_id = DeadLetterId(uid(77))
    await outbox.refuse("relay", [GivenUp(id=message.id, fault="too large", letter_id=letter_id)])
    row = await row_of(database, message)
    assert (row.status, row.attempts, row.last_fault, row.lease_owner, row.published_at) == ("DEAD", 5, "too large", None, None)
    [letter] = await SqlDeadLetterQueue(database).letters_by_id([letter_id])
    assert letter is not None
    assert abs(letter.died_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert letter == DeadLetter(
        id=letter_id, origin=LetterOrigin.OUTBOX, reason="too large", tries=5, died_at=letter.died_at, message=message
    )
    assert await claimed_by(outbox, "relay") == [later]
    assert await outbox.backlog() == 1


async def test_who_has_lost_the_lease_can_refuse_nothing(database: Database, outbox: SqlOutbox) -> None:
    message = a_message(1)
    await put(database, [message])
    slow = SqlOutbox(database)
    await slow.claim("slow", 10, ENDED)
    await outbox.claim("quick", 10, LEASE)
    await slow.refuse("slow", [GivenUp(id=message.id, fault="too large", letter_id=DeadLetterId(uid(77)))])
    row = await row_of(database, message)
    assert (row.status, row.attempts, row.lease_owner) == ("PENDING", 0, "quick")
    assert await SqlDeadLetterQueue(database).letters_by_id([DeadLetterId(uid(77))]) == [None]
    await outbox.mark_published("quick", [message.id])
    await outbox.refuse("quick", [RetryLater(id=message.id, fault="late", seconds=0)])
    assert (await row_of(database, message)).status == "PUBLISHED"


async def test_a_message_never_claimed_is_neither_marked_nor_released(database: Database, outbox: SqlOutbox) -> None:
    message = a_message(1)
    await put(database, [message])
    await outbox.mark_published("relay", [message.id])
    await outbox.release("relay", [message.id], "fault")
    row = await row_of(database, message)
    assert (row.status, row.published_at, row.last_fault) == ("PENDING", None, None)


async def test_the_backlog_is_what_is_not_published(database: Database, outbox: SqlOutbox) -> None:
    messages = [a_message(number, key=number) for number in range(1, 5)]
    await put(database, messages)
    await put(database, [a_message(5, key=5)], status=OutboxStatus.DEAD)
    assert await outbox.backlog() == 4
    await claimed_by(outbox, "relay", 1, LEASE)
    await outbox.mark_published("relay", [messages[0].id])
    assert await outbox.backlog() == 3


async def test_old_published_messages_are_forgotten_a_few_at_a_time(database: Database) -> None:
    old = [a_message(number, key=number) for number in range(1, 6)]
    await put(database, old, status=OutboxStatus.PUBLISHED, published_at=NOW - timedelta(seconds=1))
    await put(database, [a_message(6, key=6)], status=OutboxStatus.PUBLISHED, published_at=NOW)
    await put(database, [a_message(7, key=7)])
    published = published_messages(database)
    assert [await published.purge(NOW, 3) for _ in range(3)] == [3, 2, 0]
    assert {row.id for row in await database.rows(select(OUTBOX.c.id))} == {uid(6), uid(7)}


@pytest.mark.race
async def test_relays_side_by_side_publish_each_message_once_and_each_key_in_order(database: Database) -> None:
    keys, sequences = 40, 5
    messages = [
        a_message(key * 100 + sequence, key=key, sequence=sequence) for sequence in range(1, sequences + 1) for key in range(1, keys + 1)
    ]
    await put(database, messages)
    published: list[tuple[UUID, int]] = []

    async def relay(owner: str) -> None:
        outbox = SqlOutbox(database)
        idle = 0
        while idle < 20:
            claimed = await claimed_by(outbox, owner, 7, LEASE)
            idle = 0 if claimed else idle + 1
            await asyncio.sleep(0.002)
            published.extend((message.key, message.sequence) for message in claimed)
            await outbox.mark_published(owner, [message.id for message in claimed])

    await asyncio.gather(*(relay(f"relay-{number}") for number in range(4)))
    assert len(published) == keys * sequences
    of_key: dict[UUID, list[int]] = defaultdict(list)
    for key, sequence in published:
        of_key[key].append(sequence)
    assert dict(of_key) == {uid(key): list(range(1, sequences + 1)) for key in range(1, keys + 1)}
    assert await SqlOutbox(database).backlog() == 0


@pytest.mark.race
async def test_messages_that_arrive_meanwhile_keep_their_order(database: Database) -> None:
    """Sequence follows sequence, each committed by itself, while relays look."""
    sequences = 40
    published: list[tuple[UUID, int]] = []
    writing = True

    async def write(key: int) -> None:
        for sequence in range(1, sequences + 1):
            await put(database, [a_message(key * 100 + sequence, key=key, sequence=sequence, id=MessageId(uuid4()))])

    async def relay(owner: str) -> None:
        outbox = SqlOutbox(database)
        while writing or await outbox.backlog() > 0:
            claimed = await claimed_by(outbox, owner, 5, LEASE)
            published.extend((message.key, message.sequence) for message in claimed)
            await outbox.mark_published(owner, [message.id for message in claimed])

    relays = [asyncio.create_task(relay(f"relay-{number}")) for number in range(3)]
    await asyncio.gather(*(write(key) for key in (1, 2, 3)))
    writing = False
    await asyncio.gather(*relays)
    for key in (1, 2, 3):
        assert [sequence for of, sequence in published if of == uid(key)] == list(range(1, sequences + 1))


async def test_a_clock_of_the_process_plays_no_part(database: Database, outbox: SqlOutbox) -> None:
    """Moments in the row are the database's, whatever the message's own say."""
    message = a_message(1, occurred_at=NOW + timedelta(days=3650))
    await put(database, [message])
    assert await claimed_by(outbox, "relay", 10, 3600) == [message]
    leased_until = (await row_of(database, message)).leased_until
    assert leased_until < NOW
    await database.write(lambda connection: connection.execute(update(OUTBOX).values(leased_until=leased_until - timedelta(hours=2))))
    assert await claimed_by(outbox, "another", 10, LEASE) == [message]
