"""The contract of NotificationQueue."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from adapters.sql import core_tables as tables
from adapters.sql.database import Database
from adapters.sql.notification_queue import SqlNotificationQueue
from application.ports.notification_queue import DueNotification
from domain.ids import ConcertId, MessageId, NotificationId, UserId
from domain.notification import Channel, Notification, NotificationStatus
from tests.contracts.rows import insert_rows, uid

NOTIFICATIONS = tables.NOTIFICATIONS
LEASE = 60
ENDED = 0
LONG_AGO = datetime(2020, 1, 1, 12, 0, 0, 654321, tzinfo=UTC)
"""Due by the clock of any database."""


def a_notification(number: int = 1, **changes: Any) -> Notification:
    fields: dict[str, Any] = {
        "id": NotificationId(uid(number)),
        "concert_id": ConcertId(uid(900)),
        "event": MessageId(uid(number)),
        "recipient": UserId(uid(7)),
        "channel": Channel.ALIMTALK,
        "phone": "01012345678",
        "template": "PAYMENT_COMPLETED",
        "facts": {"제목": '봄 "콘서트"\\\'', "seats": "A-1"},
        "status": NotificationStatus.PENDING,
        "created_at": LONG_AGO,
    }
    return Notification(**(fields | changes))


async def put(database: Database, notifications: Iterable[Notification], **changes: Any) -> None:
    """As the unit of work leaves them."""
    await insert_rows(
        database,
        NOTIFICATIONS,
        (
            {
                "concert_id": notification.concert_id,
                "notification_id": notification.id,
                "event": notification.event,
                "recipient": notification.recipient,
                "channel": notification.channel,
                "phone": notification.phone,
                "template": notification.template,
                "facts": json.dumps(notification.facts, ensure_ascii=False),
                "status": notification.status,
                "created_at": notification.created_at,
                "attempts": 0,
                "next_attempt_at": notification.created_at,
                "about": notification.about,
                "about_sequence": notification.sequence,
            }
            | changes
            for notification in notifications
        ),
    )


async def row_of(database: Database, notification: Notification) -> Any:
    [row] = await database.rows(select(NOTIFICATIONS).where(NOTIFICATIONS.c.notification_id == notification.id))
    return row


async def rows_in(database: Database) -> int:
    return len(await database.rows(select(NOTIFICATIONS.c.notification_id)))


@pytest.fixture
def queue(database: Database) -> SqlNotificationQueue:
    return SqlNotificationQueue(database)


async def test_a_claimed_notification_is_as_it_was_written(database: Database, queue: SqlNotificationQueue) -> None:
    notification, unreachable = a_notification(1), a_notification(2, phone=None, channel=Channel.SMS)
    await put(database, [notification, unreachable])
    assert await queue.claim("notifier", 10, LEASE) == [
        DueNotification(notification=notification, attempts=0, first_attempt_at=None),
        DueNotification(notification=unreachable, attempts=0, first_attempt_at=None),
    ]


async def test_the_longest_due_come_first_and_no_more_than_asked_for(database: Database, queue: SqlNotificationQueue) -> None:
    notifications = [a_notification(100 - age, created_at=LONG_AGO - timedelta(days=age)) for age in range(1, 6)]
    await put(database, notifications)
    claimed = [[due.notification for due in await queue.claim("notifier", 2, LEASE)] for _ in range(4)]
    assert claimed == [[notifications[4], notifications[3]], [notifications[2], notifications[1]], [notifications[0]], []]


@pytest.mark.parametrize("status", [NotificationStatus.SENT, NotificationStatus.FAILED, NotificationStatus.UNDELIVERABLE])
async def test_only_what_is_pending_is_claimed(database: Database, queue: SqlNotificationQueue, status: NotificationStatus) -> None:
    await put(database, [a_notification(status=status)])
    assert await queue.claim("notifier", 10, LEASE) == []


async def test_what_is_not_due_yet_is_not_claimed(database: Database, queue: SqlNotificationQueue) -> None:
    await put(database, [a_notification()], next_attempt_at=datetime.now(UTC) + timedelta(hours=1))
    assert await queue.claim("notifier", 10, LEASE) == []


async def test_an_attempt_is_written_before_it_is_made(database: Database, queue: SqlNotificationQueue) -> None:
    notification = a_notification()
    await put(database, [notification])
    await queue.claim("notifier", 10, LEASE)
    assert await queue.begin_attempt("notifier", notification.id)
    first = await row_of(database, notification)
    assert first.attempts == 1
    assert abs(first.first_attempt_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert first.last_attempt_at == first.first_attempt_at
    long_ago = update(NOTIFICATIONS).values(first_attempt_at=LONG_AGO, last_attempt_at=LONG_AGO)
    await database.write(lambda connection: connection.execute(long_ago))
    assert await queue.begin_attempt("notifier", notification.id)
    second = await row_of(database, notification)
    assert (second.attempts, second.first_attempt_at) == (2, LONG_AGO)
    assert abs(second.last_attempt_at - datetime.now(UTC)) < timedelta(minutes=1)
    await queue.postpone("notifier", notification.id, 0, "TimeoutError")
    [due] = await queue.claim("notifier", 10, LEASE)
    assert (due.attempts, due.first_attempt_at, due.last_attempt_at) == (2, LONG_AGO, second.last_attempt_at)


async def test_how_long_ago_the_last_attempt_was_is_told_by_the_database_s_clock(database: Database, queue: SqlNotificationQueue) -> None:
    first, last = datetime.now(UTC) - timedelta(hours=3), datetime.now(UTC) - timedelta(hours=2)
    await put(database, [a_notification(1)], attempts=2, first_attempt_at=first, last_attempt_at=last)
    await put(database, [a_notification(2)], attempts=2, first_attempt_at=first)
    await put(database, [a_notification(3)])
    quiet = {due.notification.id: due.quiet for due in await queue.claim("notifier", 10, LEASE)}
    hours = {key.int: None if ago is None else round(ago / timedelta(hours=1), 1) for key, ago in quiet.items()}
    assert hours == {1: 2.0, 2: 3.0, 3: None}, "the second is from before the last attempt was kept"


async def test_a_lease_that_ran_out_allows_no_attempt(database: Database, queue: SqlNotificationQueue) -> None:
    notification = a_notification()
    await put(database, [notification])
    await queue.claim("slow", 10, ENDED)
    assert not await queue.begin_attempt("slow", notification.id)
    assert (await row_of(database, notification)).attempts == 0


async def test_another_takes_over_and_the_first_can_do_nothing(database: Database, queue: SqlNotificationQueue) -> None:
    notification = a_notification()
    await put(database, [notification])
    await queue.claim("slow", 10, ENDED)
    assert [due.notification for due in await queue.claim("quick", 10, LEASE)] == [notification]
    assert not await queue.begin_attempt("slow", notification.id)
    await queue.mark_sent("slow", notification.id, "late")
    await queue.postpone("slow", notification.id, 0, "late")
    await queue.mark_failed("slow", notification.id, "late", notification.backup(LONG_AGO))
    row = await row_of(database, notification)
    assert (row.status, row.lease_owner, row.attempts, row.provider_reference, row.last_fault) == ("PENDING", "quick", 0, None, None)
    assert await rows_in(database) == 1
    assert await queue.begin_attempt("quick", notification.id)


async def test_what_was_never_claimed_here_cannot_be_answered(database: Database, queue: SqlNotificationQueue) -> None:
    notification = a_notification()
    await put(database, [notification])
    assert not await queue.begin_attempt("notifier", notification.id)
    await queue.mark_sent("notifier", notification.id, "reference")
    assert (await row_of(database, notification)).status == "PENDING"


async def test_a_sent_one_keeps_the_provider_s_reference_and_is_done(database: Database, queue: SqlNotificationQueue) -> None:
    notification = a_notification()
    await put(database, [notification])
    await queue.claim("notifier", 10, ENDED)
    await queue.mark_sent("notifier", notification.id, "20300501-7")
    row = await row_of(database, notification)
    assert (row.status, row.provider_reference, row.lease_owner, row.leased_until) == ("SENT", "20300501-7", None, None)
    await queue.mark_failed("notifier", notification.id, "too late", None)
    assert (await row_of(database, notification)).status == "SENT"
    assert await queue.claim("notifier", 10, LEASE) == []


async def test_a_postponed_one_waits_its_time_by_the_database_s_clock(database: Database, queue: SqlNotificationQueue) -> None:
    notification = a_notification()
    await put(database, [notification])
    await queue.claim("notifier", 10, LEASE)
    await queue.postpone("notifier", notification.id, 90.5, "y" * 1_000)
    row = await row_of(database, notification)
    assert (row.status, row.lease_owner, row.last_fault) == ("PENDING", None, "y" * 500)
    assert abs(row.next_attempt_at - datetime.now(UTC) - timedelta(seconds=90.5)) < timedelta(seconds=30)
    assert await queue.claim("notifier", 10, LEASE) == []
    await database.write(lambda connection: connection.execute(update(NOTIFICATIONS).values(next_attempt_at=LONG_AGO)))
    assert [due.notification for due in await queue.claim("another", 10, LEASE)] == [notification]


async def test_a_failed_one_makes_way_for_its_backup_once(database: Database, queue: SqlNotificationQueue) -> None:
    notification = a_notification()
    backup = notification.backup(LONG_AGO)
    assert backup is not None
    await put(database, [notification])
    await queue.claim("notifier", 10, LEASE)
    await queue.mark_failed("notifier", notification.id, "RSC01", backup)
    row = await row_of(database, notification)
    assert (row.status, row.last_fault, row.lease_owner) == ("FAILED", "RSC01", None)
    assert await queue.claim("notifier", 10, LEASE) == [DueNotification(notification=backup, attempts=0, first_attempt_at=None)]
    await queue.mark_failed("notifier", notification.id, "again", replace(backup, id=NotificationId(uid(55))))
    assert await rows_in(database) == 2


async def test_a_failed_one_without_a_backup_is_the_end(database: Database, queue: SqlNotificationQueue) -> None:
    notification = a_notification()
    await put(database, [notification])
    await queue.claim("notifier", 10, LEASE)
    await queue.mark_failed("notifier", notification.id, "RSC05", None)
    assert (await row_of(database, notification)).status == "FAILED"
    assert await rows_in(database) == 1


@pytest.mark.race
async def test_notifiers_side_by_side_claim_each_notification_once(database: Database) -> None:
    notifications = [a_notification(number) for number in range(1, 201)]
    await put(database, notifications)
    claimed: list[NotificationId] = []

    async def notify(owner: str) -> None:
        queue = SqlNotificationQueue(database)
        while found := await queue.claim(owner, 7, LEASE):
            for due in found:
                assert await queue.begin_attempt(owner, due.notification.id)
                claimed.append(due.notification.id)
                await queue.mark_sent(owner, due.notification.id, "reference")

    await asyncio.gather(*(notify(f"notifier-{number}") for number in range(4)))
    assert sorted(claimed) == [notification.id for notification in notifications]
    rows = await database.rows(select(NOTIFICATIONS.c.status, NOTIFICATIONS.c.attempts))
    assert {(row.status, row.attempts) for row in rows} == {("SENT", 1)}


async def test_an_attempt_of_which_nothing_left_is_taken_back(database: Database, queue: SqlNotificationQueue) -> None:
    notification = a_notification()
    await put(database, [notification])
    [due] = await queue.claim("notifier", 10, LEASE)
    await queue.begin_attempt("notifier", notification.id)
    await queue.postpone("notifier", notification.id, 0, "circuit open", due)
    row = await row_of(database, notification)
    assert (row.status, row.attempts, row.first_attempt_at, row.last_fault) == ("PENDING", 0, None, "circuit open")
    assert row.last_attempt_at is None
    await queue.claim("notifier", 10, LEASE)
    for _ in range(2):
        await queue.begin_attempt("notifier", notification.id)
    await queue.postpone("notifier", notification.id, 0, "TimeoutError")
    [due] = await queue.claim("notifier", 10, LEASE)
    await queue.begin_attempt("notifier", notification.id)
    await queue.postpone("notifier", notification.id, 0, "circuit open", due)
    row = await row_of(database, notification)
    assert (row.attempts, row.first_attempt_at, row.last_attempt_at) == (2, due.first_attempt_at, due.last_attempt_at)


def about(number: int, sequence: int, **changes: Any) -> Notification:
    """Of the reservation 77."""
    return a_notification(number, about=uid(77), sequence=sequence, **changes)


async def test_one_that_follows_another_about_the_same_thing_waits_until_that_one_has_left(
    database: Database, queue: SqlNotificationQueue
) -> None:
    now = datetime.now(UTC)
    first, second = about(1, 1, created_at=now), about(2, 2, created_at=now, template="PAYMENT_CANCELLED")
    elsewhere = a_notification(3, about=uid(78), sequence=2, created_at=now)
    await put(database, [first, second, elsewhere], next_attempt_at=LONG_AGO)
    assert {due.notification.id for due in await queue.claim("notifier", 10, LEASE)} == {first.id, elsewhere.id}
    await queue.postpone("notifier", first.id, 3_000, "away")
    assert await queue.claim("notifier", 10, LEASE) == [], "the first still waits, and is not an hour old"
    await database.write(lambda connection: connection.execute(update(NOTIFICATIONS).values(next_attempt_at=LONG_AGO)))
    assert [due.notification for due in await queue.claim("notifier", 10, LEASE)] == [first]
    await queue.mark_sent("notifier", first.id, "reference")
    assert [due.notification for due in await queue.claim("notifier", 10, LEASE)] == [second]


async def test_after_an_hour_it_goes_first_unless_somebody_is_at_the_other(database: Database, queue: SqlNotificationQueue) -> None:
    old = datetime.now(UTC) - timedelta(minutes=61)
    first, second = about(1, 1, created_at=old), about(2, 2, created_at=old, template="PAYMENT_CANCELLED")
    await put(database, [first], next_attempt_at=LONG_AGO)
    assert len(await queue.claim("notifier", 10, LEASE)) == 1
    await put(database, [second], next_attempt_at=LONG_AGO)
    assert await queue.claim("another", 10, LEASE) == []
    await queue.postpone("notifier", first.id, 3_000, "away")
    [due] = await queue.claim("another", 10, LEASE)
    assert (due.notification, due.told_since) == (second, frozenset())
    await queue.begin_attempt("another", second.id)
    await database.write(lambda connection: connection.execute(update(NOTIFICATIONS).values(next_attempt_at=LONG_AGO)))
    [due] = await queue.claim("notifier", 10, LEASE)
    assert (due.notification, due.told_since) == (first, frozenset({"PAYMENT_CANCELLED"}))
    await queue.mark_failed("notifier", first.id, "outdated", None, NotificationStatus.OUTDATED)
    assert (await row_of(database, first)).status == "OUTDATED"


async def test_nobody_waits_for_what_came_later_or_has_ended(database: Database, queue: SqlNotificationQueue) -> None:
    now = datetime.now(UTC)
    ended = [about(number, 1, created_at=now, recipient=UserId(uid(number))) for number in (1, 2, 3)]
    for notification, status in zip(ended, ("FAILED", "UNDELIVERABLE", "OUTDATED"), strict=True):
        await put(database, [notification], status=status)
    second, third = about(5, 2, created_at=now), about(6, 3, created_at=now)
    await put(database, [second, third], next_attempt_at=LONG_AGO)
    [due] = await queue.claim("notifier", 10, LEASE)
    assert (due.notification, due.told_since) == (second, frozenset())


async def test_what_was_taken_is_looked_at_after_a_while(database: Database, queue: SqlNotificationQueue) -> None:
    notification = a_notification()
    await put(database, [notification])
    await queue.claim("notifier", 10, LEASE)
    await queue.mark_sent("notifier", notification.id, "reference", 40.0)
    row = await row_of(database, notification)
    assert abs(row.taken_at - datetime.now(UTC)) < timedelta(seconds=30)
    assert row.next_attempt_at - row.taken_at == timedelta(seconds=40)


async def test_the_backup_is_about_the_same_thing(database: Database, queue: SqlNotificationQueue) -> None:
    notification = about(1, 4)
    await put(database, [notification])
    await queue.claim("notifier", 10, LEASE)
    await queue.mark_failed("notifier", notification.id, "RSC01", notification.backup(LONG_AGO))
    [due] = await queue.claim("notifier", 10, LEASE)
    assert (due.notification.channel, due.notification.about, due.notification.sequence) == (Channel.SMS, uid(77), 4)
