"""Notifications waiting to be sent: claimed by lease, answered only by who holds it."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, or_, select, update

from adapters.sql import database_clock
from adapters.sql.claims import Claims
from adapters.sql.core_tables import NOTIFICATIONS
from adapters.sql.database import Database
from adapters.sql.lookups import Query, any_of
from adapters.sql.mappers import Stamp, notification_values
from application.ports.notification_queue import DueNotification
from domain.ids import ConcertId, MessageId, NotificationId, UserId
from domain.notification import Channel, Notification, NotificationStatus

LONGEST_FAULT = 500

_KEY = (NOTIFICATIONS.c.concert_id, NOTIFICATIONS.c.notification_id)
_RELEASED: dict[str, Any] = {"lease_owner": None, "leased_until": None}


class SqlNotificationQueue:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._claims: Claims[NotificationId] = Claims()

    async def claim(self, owner: str, limit: int, lease_seconds: int) -> Sequence[DueNotification]:
        def lease(connection: Connection) -> Sequence[Row[Any]]:
            rows = connection.execute(due(limit).with_for_update(skip_locked=True)).all()
            if rows:
                leased = {"lease_owner": owner, "leased_until": database_clock.seconds_from_now(lease_seconds)}
                keys = [(row.concert_id, row.notification_id) for row in rows]
                connection.execute(update(NOTIFICATIONS).where(any_of(_KEY, keys)).values(leased))
            return rows

        rows = await self._database.write(lease)
        for row in rows:
            self._claims.remember(NotificationId(row.notification_id), row.concert_id)
        return [_due_notification(row) for row in rows]

    async def begin_attempt(self, owner: str, notification_id: NotificationId) -> bool:
        still_leased = NOTIFICATIONS.c.leased_until > database_clock.now()
        begun = {
            "attempts": NOTIFICATIONS.c.attempts + 1,
            "first_attempt_at": func.coalesce(NOTIFICATIONS.c.first_attempt_at, database_clock.now()),
        }
        return await self._answer(owner, notification_id, begun, still_leased)

    async def mark_sent(self, owner: str, notification_id: NotificationId, provider_reference: str) -> None:
        sent = {"status": NotificationStatus.SENT, "provider_reference": provider_reference, "last_fault": None}
        await self._answer(owner, notification_id, sent | _RELEASED)

    async def postpone(self, owner: str, notification_id: NotificationId, seconds: float, fault: str, begun: int | None = None) -> None:
        later: dict[str, Any] = {"next_attempt_at": database_clock.seconds_from_now(seconds), "last_fault": fault[:LONGEST_FAULT]}
        if begun is not None:
            later["attempts"] = begun
        if begun == 0:
            later["first_attempt_at"] = None
        await self._answer(owner, notification_id, later | _RELEASED)

    async def mark_failed(self, owner: str, notification_id: NotificationId, fault: str, backup: Notification | None) -> None:
        failed = {"status": NotificationStatus.FAILED, "last_fault": fault[:LONGEST_FAULT]}
        await self._answer(owner, notification_id, failed | _RELEASED, backup=backup)

    async def _answer(
        self,
        owner: str,
        notification_id: NotificationId,
        changes: dict[str, Any],
        *conditions: ColumnElement[bool],
        backup: Notification | None = None,
    ) -> bool:
        """Whether the row was still this owner's; nothing is written where it was not."""
        keys = self._claims.keys_of([notification_id])
        if not keys:
            return False
        pending = NOTIFICATIONS.c.status == NotificationStatus.PENDING
        mine = and_(any_of(_KEY, keys), NOTIFICATIONS.c.lease_owner == owner, pending, *conditions)

        def change(connection: Connection) -> bool:
            if connection.execute(update(NOTIFICATIONS).where(mine).values(changes)).rowcount == 0:
                return False
            if backup is not None:
                connection.execute(insert(NOTIFICATIONS).values(_new_row(backup)))
            return True

        return await self._database.write(change)


def due(limit: int) -> Query:
    free = or_(NOTIFICATIONS.c.leased_until.is_(None), NOTIFICATIONS.c.leased_until <= database_clock.now())
    return (
        select(NOTIFICATIONS)
        .with_hint(NOTIFICATIONS, "FORCE INDEX (ix_notifications_due)", "mysql")
        .where(
            NOTIFICATIONS.c.status == NotificationStatus.PENDING,
            NOTIFICATIONS.c.next_attempt_at <= database_clock.now(),
            free,
        )
        .order_by(NOTIFICATIONS.c.next_attempt_at)
        .limit(limit)
    )


def _new_row(notification: Notification) -> dict[str, Any]:
    """Due at once, by the database's clock."""
    values = notification_values(notification, Stamp(shard=notification.concert_id, now=notification.created_at))
    return dict(zip(NOTIFICATIONS.columns.keys(), values, strict=False)) | {"next_attempt_at": database_clock.now()}


def _due_notification(row: Row[Any]) -> DueNotification:
    notification = Notification(
        id=NotificationId(row.notification_id),
        concert_id=ConcertId(row.concert_id),
        event=MessageId(row.event),
        recipient=UserId(row.recipient),
        channel=Channel(row.channel),
        phone=row.phone,
        template=row.template,
        facts=json.loads(row.facts),
        status=NotificationStatus(row.status),
        created_at=row.created_at,
    )
    return DueNotification(notification=notification, attempts=row.attempts, first_attempt_at=row.first_attempt_at)
