"""Notifications waiting to be sent: claimed by lease, answered only by who holds it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, exists, func, or_, select

from adapters.sql import database_clock
from adapters.sql.core_tables import NOTIFICATIONS
from adapters.sql.database import Database
from adapters.sql.leased_notifications import LONGEST_FAULT, RELEASED, LeasedNotifications, notification_of
from adapters.sql.lookups import any_of
from application.ports.notification_queue import FIRST_LOOK_SECONDS, DueNotification
from domain.ids import NotificationId
from domain.notification import Notification, NotificationStatus

ORDER_PATIENCE = 3600
"""Seconds for which a notification waits for an earlier one about the same thing that has not left yet."""

_ABOUT = (NOTIFICATIONS.c.concert_id, NOTIFICATIONS.c.about)


class SqlNotificationQueue:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = LeasedNotifications(database, NotificationStatus.PENDING)

    async def claim(self, owner: str, limit: int, lease_seconds: int) -> Sequence[DueNotification]:
        rows = await self._rows.claim(owner, limit, lease_seconds, ~_waits_for_an_earlier_one())
        told = await self._told(rows)
        return [_due(row, told) for row in rows]

    async def begin_attempt(self, owner: str, notification_id: NotificationId) -> bool:
        still_leased = NOTIFICATIONS.c.leased_until > database_clock.now()
        begun = {
            "attempts": NOTIFICATIONS.c.attempts + 1,
            "first_attempt_at": func.coalesce(NOTIFICATIONS.c.first_attempt_at, database_clock.now()),
            "last_attempt_at": database_clock.now(),
        }
        return await self._rows.answer(owner, notification_id, begun, still_leased)

    async def mark_sent(
        self, owner: str, notification_id: NotificationId, provider_reference: str, look_after: float = FIRST_LOOK_SECONDS
    ) -> None:
        sent = {
            "status": NotificationStatus.SENT,
            "provider_reference": provider_reference,
            "last_fault": None,
            "taken_at": database_clock.now(),
            "next_attempt_at": database_clock.seconds_from_now(look_after),
        }
        await self._rows.answer(owner, notification_id, sent | RELEASED)

    async def postpone(
        self, owner: str, notification_id: NotificationId, seconds: float, fault: str, as_it_was: DueNotification | None = None
    ) -> None:
        later: dict[str, Any] = {"next_attempt_at": database_clock.seconds_from_now(seconds), "last_fault": fault[:LONGEST_FAULT]}
        if as_it_was is not None:
            later["attempts"] = as_it_was.attempts
            later["first_attempt_at"] = as_it_was.first_attempt_at
            later["last_attempt_at"] = as_it_was.last_attempt_at
        await self._rows.answer(owner, notification_id, later | RELEASED)

    async def mark_failed(
        self,
        owner: str,
        notification_id: NotificationId,
        fault: str,
        backup: Notification | None,
        status: NotificationStatus = NotificationStatus.FAILED,
    ) -> None:
        failed = {"status": status, "last_fault": fault[:LONGEST_FAULT]}
        await self._rows.answer(owner, notification_id, failed | RELEASED, backup=backup)

    async def _told(self, rows: Sequence[Row[Any]]) -> Mapping[UUID, Sequence[tuple[int, str]]]:
        """What has been told, or begun to be, about the same things."""
        keys = {(row.concert_id, row.about) for row in rows if row.about is not None}
        told: dict[UUID, list[tuple[int, str]]] = defaultdict(list)
        if keys:
            columns = NOTIFICATIONS.c
            begun = select(columns.about, columns.about_sequence, columns.template).where(
                any_of(_ABOUT, sorted(keys)), columns.first_attempt_at.is_not(None)
            )
            for row in await self._database.rows(begun):
                told[row.about].append((row.about_sequence, row.template))
        return told


def _due(row: Row[Any], told: Mapping[UUID, Sequence[tuple[int, str]]]) -> DueNotification:
    """Rows from before the last attempt was kept say when the first was."""
    last: datetime | None = row.last_attempt_at or row.first_attempt_at
    return DueNotification(
        notification=notification_of(row),
        attempts=row.attempts,
        first_attempt_at=row.first_attempt_at,
        told_since=frozenset(template for sequence, template in told.get(row.about, ()) if sequence > row.about_sequence),
        last_attempt_at=last,
        quiet=None if last is None else row.now - last,
    )


def _waits_for_an_earlier_one() -> ColumnElement[bool]:
    """For ever while somebody is at the earlier one; else for so long, and then what is still true goes first."""
    earlier = NOTIFICATIONS.alias("earlier")
    fresh = NOTIFICATIONS.c.created_at > database_clock.seconds_from_now(-ORDER_PATIENCE)
    return exists().where(
        and_(
            earlier.c.concert_id == NOTIFICATIONS.c.concert_id,
            earlier.c.about == NOTIFICATIONS.c.about,
            earlier.c.about_sequence < NOTIFICATIONS.c.about_sequence,
            earlier.c.status == NotificationStatus.PENDING,
            or_(fresh, earlier.c.leased_until > database_clock.now()),
        )
    )
