"""What the two ends of a notification's way have in common: rows taken up by lease, and answered only by who holds it."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, insert, or_, select, update

from adapters.sql import database_clock
from adapters.sql.claims import Claims
from adapters.sql.core_tables import NOTIFICATIONS
from adapters.sql.database import Database
from adapters.sql.lookups import Query, any_of
from adapters.sql.mappers import Stamp, notification_values
from domain.ids import ConcertId, MessageId, NotificationId, UserId
from domain.notification import Channel, Notification, NotificationStatus

LONGEST_FAULT = 500
RELEASED: dict[str, Any] = {"lease_owner": None, "leased_until": None}

_KEY = (NOTIFICATIONS.c.concert_id, NOTIFICATIONS.c.notification_id)


class LeasedNotifications:
    """Those of one status: only from it can its owner take a row to another."""

    def __init__(self, database: Database, status: NotificationStatus) -> None:
        self._database = database
        self._status = status
        self._claims: Claims[NotificationId] = Claims()

    async def claim(self, owner: str, limit: int, lease_seconds: int, *conditions: ColumnElement[bool]) -> Sequence[Row[Any]]:
        def lease(connection: Connection) -> Sequence[Row[Any]]:
            rows = connection.execute(due(self._status, limit, *conditions).with_for_update(skip_locked=True)).all()
            if rows:
                leased = {"lease_owner": owner, "leased_until": database_clock.seconds_from_now(lease_seconds)}
                keys = [(row.concert_id, row.notification_id) for row in rows]
                connection.execute(update(NOTIFICATIONS).where(any_of(_KEY, keys)).values(leased))
            return rows

        rows = await self._database.write(lease)
        for row in rows:
            self._claims.remember(NotificationId(row.notification_id), row.concert_id)
        return rows

    async def answer(
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
        in_hand = and_(NOTIFICATIONS.c.lease_owner == owner, NOTIFICATIONS.c.status == self._status)
        mine = and_(any_of(_KEY, keys), in_hand, *conditions)

        def change(connection: Connection) -> bool:
            if connection.execute(update(NOTIFICATIONS).where(mine).values(changes)).rowcount == 0:
                return False
            if backup is not None:
                connection.execute(insert(NOTIFICATIONS).values(_new_row(backup)))
            return True

        answered = await self._database.write(change)
        if answered and "lease_owner" in changes:
            self._claims.forget([notification_id])
        return answered


def due(status: NotificationStatus, limit: int, *conditions: ColumnElement[bool]) -> Query:
    free = or_(NOTIFICATIONS.c.leased_until.is_(None), NOTIFICATIONS.c.leased_until <= database_clock.now())
    return (
        select(NOTIFICATIONS, database_clock.now().label("now"))
        .with_hint(NOTIFICATIONS, "FORCE INDEX (ix_notifications_due)", "mysql")
        .where(NOTIFICATIONS.c.status == status, NOTIFICATIONS.c.next_attempt_at <= database_clock.now(), free, *conditions)
        .order_by(NOTIFICATIONS.c.next_attempt_at)
        .limit(limit)
    )


def notification_of(row: Row[Any]) -> Notification:
    return Notification(
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
        about=row.about,
        sequence=row.about_sequence,
    )


def _new_row(notification: Notification) -> dict[str, Any]:
    """Due at once, by the database's clock."""
    values = notification_values(notification, Stamp(shard=notification.concert_id, now=notification.created_at))
    return dict(zip(NOTIFICATIONS.columns.keys(), values, strict=False)) | {"next_attempt_at": database_clock.now()}
