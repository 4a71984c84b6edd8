"""The contract of DeadLetterQueue."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from adapters.sql import core_tables as tables
from adapters.sql.database import Database
from adapters.sql.dead_letter_queue import SqlDeadLetterQueue
from adapters.sql.old_rows import dead_letter_audit, ended_letters, handled_keys, inbox_entries
from adapters.sql.outbox import SqlOutbox
from application.ports.dead_letter_queue import DeadLetter, Decision, LetterEnd, LetterFilter, LetterOrigin, LetterStatus
from application.ports.outbox import DueMessage, GivenUp
from domain.ids import DeadLetterId
from domain.message import OutboxMessage
from tests.contracts.rows import NOW, insert_rows, uid
from tests.contracts.test_outbox import a_message, claimed_by, put, row_of

BY = Decision(operator="오퍼레이터", note="브로커 설정을 고침")
EVERY = LetterFilter(status=None)


def an_id(number: int) -> DeadLetterId:
    return DeadLetterId(uid(number))


def a_letter(number: int, **changes: Any) -> DeadLetter:
    """Of a consumer, rising ids, each from a message of its own."""
    fields: dict[str, Any] = {
        "id": an_id(number),
        "origin": LetterOrigin.CONSUMER,
        "reason": "handling failed: ValueError",
        "tries": 3,
        "died_at": NOW + timedelta(seconds=number),
        "message": a_message(1000 + number, key=number),
        "position": f"bookings/3@{number}",
    }
    return DeadLetter(**(fields | changes))


async def put_letters(database: Database, count: int) -> None:
    await SqlDeadLetterQueue(database).bury([a_letter(500_000 + number) for number in range(count)])


async def give_up(database: Database, messages: Iterable[OutboxMessage], first_letter: int) -> None:
    """As the relay does with messages that are the only ones in the outbox."""
    outbox = SqlOutbox(database)
    ids = [message.id for message in messages]
    claimed = await outbox.claim("relay", 100, 60)
    assert {due.message.id for due in claimed} == set(ids)
    given_up = [GivenUp(id=message_id, fault="too large", letter_id=an_id(first_letter + n)) for n, message_id in enumerate(ids)]
    await outbox.refuse("relay", given_up)


async def audit(database: Database) -> Sequence[Any]:
    columns = tables.DEAD_LETTER_AUDIT.c
    return await database.rows(select(columns.letter_id, columns.action, columns.operator, columns.note).order_by(columns.letter_id))


@pytest.fixture
def queue(database: Database) -> SqlDeadLetterQueue:
    return SqlDeadLetterQueue(database)


async def test_a_letter_is_as_it_was_buried(queue: SqlDeadLetterQueue) -> None:
    readable = a_letter(1)
    unreadable = a_letter(2, message=None, reason="no value", excerpt="\\xff'\"봄", tries=1)
    await queue.bury([readable, unreadable])
    assert await queue.letters_by_id([an_id(2), an_id(9), an_id(1)]) == [unreadable, None, readable]
    assert await queue.letters_by_id([]) == []


async def test_what_is_too_long_is_cut(queue: SqlDeadLetterQueue) -> None:
    await queue.bury([a_letter(1, message=None, reason="r" * 700, excerpt="e" * 2000)])
    [letter] = await queue.letters_by_id([an_id(1)])
    assert letter is not None
    assert (letter.reason, letter.excerpt) == ("r" * 500, "e" * 1000)


async def test_the_same_position_is_buried_once(queue: SqlDeadLetterQueue) -> None:
    await queue.bury([a_letter(1), a_letter(2, message=None)])
    await queue.bury([replace(a_letter(1), id=an_id(8)), replace(a_letter(2, message=None), id=an_id(9)), a_letter(3)])
    assert [letter.id for letter in (await queue.letters(EVERY, 10, None)).items] == [an_id(1), an_id(2), an_id(3)]


async def test_letters_come_oldest_first_page_by_page(queue: SqlDeadLetterQueue) -> None:
    await queue.bury([a_letter(number) for number in (4, 2, 5, 1, 3)])
    first = await queue.letters(LetterFilter(), 2, None)
    second = await queue.letters(LetterFilter(), 2, first.items[-1].id)
    third = await queue.letters(LetterFilter(), 2, second.items[-1].id)
    assert [[letter.id.int for letter in page.items] for page in (first, second, third)] == [[1, 2], [3, 4], [5]]
    assert [page.has_next for page in (first, second, third)] == [True, True, False]


async def test_letters_are_filtered(database: Database, queue: SqlDeadLetterQueue) -> None:
    await queue.bury(
        [
            a_letter(1),
            a_letter(2, message=a_message(7, key=7, type="PaymentCancelled")),
            a_letter(3, message=None),
            a_letter(4),
            a_letter(5),
        ]
    )
    await put(database, [a_message(90, key=90)])
    await give_up(database, [a_message(90, key=90)], first_letter=6)
    await queue.redrive([an_id(4)], BY)
    await queue.discard([an_id(5)], BY)

    async def found(**which: Any) -> list[int]:
        return [letter.id.int for letter in (await queue.letters(LetterFilter(**which), 10, None)).items]

    assert await found() == [1, 2, 3, 6]
    assert await found(type="PaymentCancelled") == [2]
    assert await found(type="payment_cancelled") == []
    assert await found(origin=LetterOrigin.OUTBOX) == [6]
    assert await found(origin=LetterOrigin.CONSUMER, type="PaymentCompleted") == [1]
    assert await found(status=LetterStatus.REDRIVEN) == [4]
    assert await found(status=LetterStatus.DISCARDED) == [5]
    assert await found(status=None) == [1, 2, 3, 4, 5, 6]


async def test_a_redriven_message_waits_in_the_outbox_as_if_never_tried(database: Database, queue: SqlDeadLetterQueue) -> None:
    message = a_message(1, version=3, sequence=7)
    await put(database, [message], attempts=4)
    await give_up(database, [message], first_letter=1)
    assert await queue.redrive([an_id(1), an_id(2)], BY) == [an_id(1)]
    row = await row_of(database, message)
    assert (row.status, row.attempts, row.last_fault, row.next_attempt_at) == ("PENDING", 0, None, None)
    assert await SqlOutbox(database).claim("relay", 10, 60) == [DueMessage(message=message, attempts=0)]
    [letter] = await queue.letters_by_id([an_id(1)])
    assert letter is not None
    assert letter.end is not None
    assert abs(letter.end.at - datetime.now(UTC)) < timedelta(minutes=1)
    assert (letter.status, letter.end) == (LetterStatus.REDRIVEN, LetterEnd(decision=BY, at=letter.end.at))


async def test_a_redriven_message_goes_before_later_ones_of_its_key_that_wait(database: Database, queue: SqlDeadLetterQueue) -> None:
    first, second, third = (a_message(number, key=1, sequence=number) for number in (1, 2, 3))
    await put(database, [first])
    await give_up(database, [first], first_letter=1)
    await put(database, [second], status="PUBLISHED", published_at=NOW)
    await put(database, [third])
    await queue.redrive([an_id(1)], BY)
    assert await claimed_by(SqlOutbox(database), "relay") == [first]


async def test_what_a_consumer_gave_up_is_published_again(database: Database, queue: SqlDeadLetterQueue) -> None:
    """Whether the outbox still knows it, as published, or has forgotten it; one that is on its way anyway is left alone."""
    published, purged, waiting = (a_message(number, key=number) for number in (1, 2, 3))
    await put(database, [published], status="PUBLISHED", published_at=NOW, attempts=2)
    await put(database, [waiting], attempts=1)
    letters = [a_letter(number, message=message) for number, message in enumerate((published, purged, waiting), 1)]
    await queue.bury(letters)
    assert await queue.redrive([letter.id for letter in letters], BY) == [letter.id for letter in letters]
    claimed = {due.message.id: due for due in await SqlOutbox(database).claim("relay", 10, 60)}
    assert claimed == {
        published.id: DueMessage(message=published, attempts=0),
        purged.id: DueMessage(message=purged, attempts=0),
        waiting.id: DueMessage(message=waiting, attempts=1),
    }


async def test_a_letter_ends_once(database: Database, queue: SqlDeadLetterQueue) -> None:
    await queue.bury([a_letter(1), a_letter(2)])
    assert await queue.redrive([an_id(1)], BY) == [an_id(1)]
    assert await queue.discard([an_id(1)], BY) == []
    assert await queue.redrive([an_id(1)], BY) == []
    assert await queue.discard([an_id(2)], BY) == [an_id(2)]
    assert await queue.redrive([an_id(2), an_id(3)], BY) == []
    assert [tuple(entry) for entry in await audit(database)] == [
        (an_id(1), "REDRIVEN", BY.operator, BY.note),
        (an_id(2), "DISCARDED", BY.operator, BY.note),
    ]
    assert [due.message.id for due in await SqlOutbox(database).claim("relay", 10, 60)] == [uid(1001)]


async def test_an_unreadable_letter_cannot_be_redriven_and_stays_open(database: Database, queue: SqlDeadLetterQueue) -> None:
    await queue.bury([a_letter(1, message=None), a_letter(2)])
    assert await queue.redrive([an_id(1), an_id(2)], BY) == [an_id(2)]
    assert [letter.id for letter in (await queue.letters(LetterFilter(), 10, None)).items] == [an_id(1)]
    assert [entry.letter_id for entry in await audit(database)] == [an_id(2)]
    assert await queue.discard([an_id(1)], BY) == [an_id(1)]


async def test_a_discarded_message_leaves_the_outbox_and_no_other(database: Database, queue: SqlDeadLetterQueue) -> None:
    dead, other, published = (a_message(number, key=number) for number in (1, 2, 3))
    await put(database, [dead, other])
    await give_up(database, [dead, other], first_letter=1)
    await put(database, [published], status="PUBLISHED", published_at=NOW)
    await queue.bury([a_letter(9, message=published)])
    assert await queue.discard([an_id(1), an_id(9)], BY) == [an_id(1), an_id(9)]
    left = {(row.id, row.status) for row in await database.rows(select(tables.OUTBOX_MESSAGES))}
    assert left == {(other.id, "DEAD"), (published.id, "PUBLISHED")}


async def test_discarding_takes_nothing_back_that_was_sent_again_by_another_letter(database: Database, queue: SqlDeadLetterQueue) -> None:
    message = a_message(1)
    await put(database, [message])
    await give_up(database, [message], first_letter=1)
    await queue.bury([a_letter(2, message=message)])
    await queue.redrive([an_id(2)], BY)
    assert await queue.discard([an_id(1)], BY) == [an_id(1)]
    assert await claimed_by(SqlOutbox(database), "relay") == [message]


async def test_a_message_that_dies_again_has_another_letter(database: Database, queue: SqlDeadLetterQueue) -> None:
    message = a_message(1)
    await put(database, [message])
    await give_up(database, [message], first_letter=1)
    await queue.redrive([an_id(1)], BY)
    await give_up(database, [message], first_letter=2)
    assert [(letter.id, letter.status) for letter in (await queue.letters(EVERY, 10, None)).items] == [
        (an_id(1), LetterStatus.REDRIVEN),
        (an_id(2), LetterStatus.OPEN),
    ]
    assert await queue.redrive([an_id(2)], BY) == [an_id(2)]


async def test_what_ended_long_ago_is_forgotten_and_what_is_open_never(database: Database, queue: SqlDeadLetterQueue) -> None:
    await queue.bury([a_letter(number) for number in range(1, 6)])
    await queue.discard([an_id(number) for number in (1, 2, 3)], BY)
    later = datetime.now(UTC) + timedelta(days=1)
    assert await ended_letters(database).purge(later - timedelta(days=2), 10) == 0
    assert [await ended_letters(database).purge(later, 2) for _ in range(3)] == [2, 1, 0]
    assert [await dead_letter_audit(database).purge(later, 2) for _ in range(3)] == [2, 1, 0]
    assert [letter.id for letter in (await queue.letters(EVERY, 10, None)).items] == [an_id(4), an_id(5)]


async def test_what_was_received_long_ago_is_forgotten_a_few_at_a_time(database: Database) -> None:
    ages = [timedelta(microseconds=1), timedelta(hours=1), timedelta(0), timedelta(hours=-1)]
    await insert_rows(
        database,
        tables.INBOX,
        ({"shard_key": uid(1), "message_id": uid(n), "received_at": NOW - age} for n, age in enumerate(ages)),
    )
    await insert_rows(
        database,
        tables.HANDLED_KEYS,
        ({"shard_key": uid(1), "key": uid(n), "sequence": 1, "handled_at": NOW - age} for n, age in enumerate(ages)),
    )
    assert [await inbox_entries(database).purge(NOW, 1) for _ in range(3)] == [1, 1, 0]
    assert [await handled_keys(database).purge(NOW, 1) for _ in range(3)] == [1, 1, 0]
    assert {row.message_id for row in await database.rows(select(tables.INBOX.c.message_id))} == {uid(2), uid(3)}
