"""Notifications that a provider has taken, until it is known what became of them."""

from collections.abc import Sequence

from sqlalchemy import and_, select, update

from adapters.sql import database_clock
from adapters.sql.core_tables import NOTIFICATIONS
from adapters.sql.database import Database
from adapters.sql.leased_notifications import LONGEST_FAULT, RELEASED, LeasedNotifications, notification_of
from adapters.sql.lookups import any_of
from application.ports.delivery_queue import DeliveryEnd, TakenNotification
from domain.ids import NotificationId
from domain.notification import Notification, NotificationStatus

_KEY = (NOTIFICATIONS.c.concert_id, NOTIFICATIONS.c.notification_id)
_WAITING = and_(NOTIFICATIONS.c.status == NotificationStatus.SENT, NOTIFICATIONS.c.next_attempt_at > database_clock.now())


class SqlDeliveryQueue:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = LeasedNotifications(database, NotificationStatus.SENT)

    async def claim(self, owner: str, limit: int, lease_seconds: int) -> Sequence[TakenNotification]:
        return [
            TakenNotification(
                notification=notification_of(row),
                reference=row.provider_reference or "",
                taken_at=row.taken_at or row.first_attempt_at or row.created_at,
                looks=row.looks,
            )
            for row in await self._rows.claim(owner, limit, lease_seconds)
        ]

    async def hurry(self, notification_ids: Sequence[NotificationId]) -> int:
        """Who names them does not know their shards: they are found by the one index that begins with their own id."""
        named = select(*_KEY).where(NOTIFICATIONS.c.notification_id.in_(notification_ids), _WAITING)
        keys = await self._database.rows(named.with_hint(NOTIFICATIONS, "FORCE INDEX (ix_notifications_id)", "mysql"))
        if not keys:
            return 0
        sooner = update(NOTIFICATIONS).where(any_of(_KEY, [tuple(key) for key in keys]), _WAITING)
        sooner = sooner.values(next_attempt_at=database_clock.now())
        return await self._database.write(lambda connection: connection.execute(sooner).rowcount)

    async def look_again(self, owner: str, notification_id: NotificationId, seconds: float, note: str) -> None:
        later = {
            "looks": NOTIFICATIONS.c.looks + 1,
            "next_attempt_at": database_clock.seconds_from_now(seconds),
            "last_fault": note[:LONGEST_FAULT],
        }
        await self._rows.answer(owner, notification_id, later | RELEASED)

    async def close(self, owner: str, notification_id: NotificationId, end: DeliveryEnd, backup: Notification | None) -> None:
        closed = {"status": end.status, "delivered_by": end.by, "last_fault": end.note[:LONGEST_FAULT] or None}
        await self._rows.answer(owner, notification_id, closed | RELEASED, backup=backup)
