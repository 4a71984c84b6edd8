"""Notifications that a provider has taken, until it is known what became of them."""

from collections.abc import Sequence

from adapters.sql import database_clock
from adapters.sql.core_tables import NOTIFICATIONS
from adapters.sql.database import Database
from adapters.sql.leased_notifications import LONGEST_FAULT, RELEASED, LeasedNotifications, notification_of
from application.ports.delivery_queue import DeliveryEnd, TakenNotification
from domain.ids import NotificationId
from domain.notification import Notification, NotificationStatus


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
