"""The contract of DeliveryQueue."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from adapters.sql.core_tables import NOTIFICATIONS
from adapters.sql.database import Database
from adapters.sql.delivery_queue import SqlDeliveryQueue
from adapters.sql.notification_queue import SqlNotificationQueue
from application.ports.delivery_queue import DeliveryEnd, TakenNotification
from domain.ids import ConcertId, NotificationId
from domain.notification import Channel, Notification, NotificationStatus
from tests.contracts.rows import uid
from tests.contracts.test_notification_queue import ENDED, LEASE, LONG_AGO, a_notification, put, row_of, rows_in

TAKEN = {"status": "SENT", "provider_reference": "20300501-7", "taken_at": LONG_AGO + timedelta(minutes=1), "attempts": 1}
FAILED = DeliveryEnd(status=NotificationStatus.FAILED, note="FAILED 3019 RSC01")


@pytest.fixture
def queue(database: Database) -> SqlDeliveryQueue:
    return SqlDeliveryQueue(database)


def sent(notification: Notification) -> Notification:
    return replace(notification, status=NotificationStatus.SENT)


async def test_only_what_was_taken_is_claimed_and_as_it_was_written(database: Database, queue: SqlDeliveryQueue) -> None:
    taken = a_notification(1)
    await put(database, [taken], **TAKEN)
    for number, status in enumerate(("PENDING", "DELIVERED", "FAILED", "UNCONFIRMED", "OUTDATED", "UNDELIVERABLE"), start=2):
        await put(database, [a_notification(number)], status=status)
    assert await queue.claim("follower", 10, LEASE) == [
        TakenNotification(notification=sent(taken), reference="20300501-7", taken_at=LONG_AGO + timedelta(minutes=1), looks=0)
    ]
    assert await queue.claim("another", 10, LEASE) == [], "it is the first one's"


async def test_one_from_before_there_were_looks_was_taken_when_it_was_tried(database: Database, queue: SqlDeliveryQueue) -> None:
    await put(database, [a_notification()], status="SENT", first_attempt_at=LONG_AGO + timedelta(hours=1))
    [taken] = await queue.claim("follower", 10, LEASE)
    assert (taken.reference, taken.taken_at) == ("", LONG_AGO + timedelta(hours=1))


async def test_what_the_notifier_has_handed_over_comes_due_after_its_wait(database: Database, queue: SqlDeliveryQueue) -> None:
    notification, notifier = a_notification(), SqlNotificationQueue(database)
    await put(database, [notification])
    await notifier.claim("notifier", 10, LEASE)
    await notifier.mark_sent("notifier", notification.id, "r", 3_600.0)
    assert await queue.claim("follower", 10, LEASE) == []
    await database.write(lambda connection: connection.execute(update(NOTIFICATIONS).values(next_attempt_at=LONG_AGO)))
    assert [taken.reference for taken in await queue.claim("follower", 10, LEASE)] == ["r"]


async def test_a_look_without_an_end_is_counted_and_waits_its_time(database: Database, queue: SqlDeliveryQueue) -> None:
    notification = a_notification()
    await put(database, [notification], **TAKEN)
    await queue.claim("follower", 10, LEASE)
    await queue.look_again("follower", notification.id, 90.5, "x" * 1_000)
    row = await row_of(database, notification)
    assert (row.status, row.looks, row.lease_owner, row.leased_until, row.last_fault) == ("SENT", 1, None, None, "x" * 500)
    assert abs(row.next_attempt_at - datetime.now(UTC) - timedelta(seconds=90.5)) < timedelta(seconds=30)
    assert await queue.claim("follower", 10, LEASE) == []
    await database.write(lambda connection: connection.execute(update(NOTIFICATIONS).values(next_attempt_at=LONG_AGO)))
    assert [taken.looks for taken in await queue.claim("follower", 10, LEASE)] == [1]


async def test_what_waits_for_its_next_look_can_be_hurried_and_nothing_else(database: Database, queue: SqlDeliveryQueue) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    waiting, elsewhere, unasked, unsent, ended = (a_notification(number) for number in range(1, 6))
    elsewhere = replace(elsewhere, concert_id=ConcertId(uid(901)))
    await put(database, [waiting, elsewhere, unasked], **TAKEN | {"next_attempt_at": later})
    await put(database, [unsent], next_attempt_at=later)
    await put(database, [ended], status="DELIVERED", next_attempt_at=later)
    asked = [one.id for one in (waiting, elsewhere, unsent, ended)] + [NotificationId(uid(99))]
    assert await queue.hurry(asked) == 2
    assert await queue.hurry(asked) == 0
    assert await queue.hurry([NotificationId(uid(99))]) == 0
    assert {taken.notification.id for taken in await queue.claim("follower", 10, LEASE)} == {waiting.id, elsewhere.id}
    assert abs((await row_of(database, unsent)).next_attempt_at - later) < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("end", "written"),
    [
        (DeliveryEnd(status=NotificationStatus.DELIVERED, by="DEALER", note="RSC04"), ("DELIVERED", "DEALER", "RSC04")),
        (DeliveryEnd(status=NotificationStatus.DELIVERED, by="SMS"), ("DELIVERED", "SMS", None)),
        (DeliveryEnd(status=NotificationStatus.UNCONFIRMED, note="3005"), ("UNCONFIRMED", None, "3005")),
    ],
)
async def test_an_end_is_for_good(database: Database, queue: SqlDeliveryQueue, end: DeliveryEnd, written: tuple[Any, ...]) -> None:
    notification = a_notification()
    await put(database, [notification], **TAKEN)
    await queue.claim("follower", 10, ENDED)
    await queue.close("follower", notification.id, end, None)
    row = await row_of(database, notification)
    assert (row.status, row.delivered_by, row.last_fault) == written
    await queue.close("follower", notification.id, FAILED, notification.backup(LONG_AGO))
    await queue.look_again("follower", notification.id, 1, "again")
    assert ((await row_of(database, notification)).status, await rows_in(database)) == (written[0], 1)
    assert await queue.claim("follower", 10, LEASE) == []


async def test_a_failure_makes_way_for_its_backup_once(database: Database, queue: SqlDeliveryQueue) -> None:
    notification = a_notification()
    backup = notification.backup(LONG_AGO)
    assert backup is not None
    await put(database, [notification], **TAKEN)
    await queue.claim("follower", 10, LEASE)
    await queue.close("follower", notification.id, FAILED, backup)
    await queue.close("follower", notification.id, FAILED, replace(backup, channel=Channel.ALIMTALK))
    assert ((await row_of(database, notification)).status, await rows_in(database)) == ("FAILED", 2)
    assert [due.notification for due in await SqlNotificationQueue(database).claim("notifier", 10, LEASE)] == [backup]


async def test_an_answer_counts_only_from_who_holds_the_lease(database: Database, queue: SqlDeliveryQueue) -> None:
    notification, other = a_notification(), SqlDeliveryQueue(database)
    await put(database, [notification], **TAKEN)
    await queue.claim("follower-1", 10, ENDED)
    await other.claim("follower-2", 10, LEASE)
    await queue.close("follower-1", notification.id, FAILED, notification.backup(LONG_AGO))
    await queue.look_again("follower-1", notification.id, 0, "late")
    row = await row_of(database, notification)
    assert (row.status, row.looks, row.lease_owner, await rows_in(database)) == ("SENT", 0, "follower-2", 1)


async def test_a_notifier_that_comes_late_answers_nothing_of_what_a_follower_of_its_own_process_holds(database: Database) -> None:
    """Both roles of a process have one name; the lease alone does not tell them apart."""
    notification = a_notification()
    late, prompt, follower = SqlNotificationQueue(database), SqlNotificationQueue(database), SqlDeliveryQueue(database)
    await put(database, [notification])
    await late.claim("process-1", 10, ENDED)
    await prompt.claim("process-2", 10, LEASE)
    await prompt.mark_sent("process-2", notification.id, "r", 0.0)
    [taken] = await follower.claim("process-1", 10, LEASE)
    await late.mark_failed("process-1", notification.id, "late", notification.backup(LONG_AGO))
    assert ((await row_of(database, notification)).status, await rows_in(database)) == ("SENT", 1)
    await follower.close("process-1", taken.notification.id, DeliveryEnd(status=NotificationStatus.DELIVERED, by="ALIMTALK"), None)
    assert (await row_of(database, notification)).status == "DELIVERED"
