"""Notifications waiting, in memory, with leases by a clock."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from application.ports.clock import Clock
from application.ports.notification_queue import DueNotification
from domain.ids import NotificationId
from domain.notification import Notification, NotificationStatus


@dataclass
class Row:
    notification: Notification
    due_at: datetime
    attempts: int = 0
    first_attempt_at: datetime | None = None
    owner: str | None = None
    leased_until: datetime | None = None
    reference: str | None = None
    fault: str | None = None


class MemoryNotificationQueue:
    def __init__(self, clock: Clock, *notifications: Notification) -> None:
        self._clock = clock
        self.rows: dict[NotificationId, Row] = {}
        for notification in notifications:
            self.add(notification)

    def add(self, notification: Notification) -> None:
        self.rows.setdefault(notification.id, Row(notification, self._clock.now()))

    def status(self, notification_id: NotificationId) -> NotificationStatus:
        return self.rows[notification_id].notification.status

    async def claim(self, owner: str, limit: int, lease_seconds: int) -> Sequence[DueNotification]:
        now = self._clock.now()
        due = [
            row
            for row in self.rows.values()
            if row.notification.status is NotificationStatus.PENDING
            and row.due_at <= now
            and (row.leased_until is None or row.leased_until <= now)
        ][:limit]
        for row in due:
            row.owner, row.leased_until = owner, now + timedelta(seconds=lease_seconds)
        return [DueNotification(notification=row.notification, attempts=row.attempts, first_attempt_at=row.first_attempt_at) for row in due]

    async def begin_attempt(self, owner: str, notification_id: NotificationId) -> bool:
        row = self.rows[notification_id]
        if row.owner != owner or row.leased_until is None or row.leased_until <= self._clock.now():
            return False
        row.attempts += 1
        row.first_attempt_at = row.first_attempt_at or self._clock.now()
        return True

    async def mark_sent(self, owner: str, notification_id: NotificationId, provider_reference: str) -> None:
        row = self._close(owner, notification_id, NotificationStatus.SENT)
        if row is not None:
            row.reference = provider_reference

    async def postpone(self, owner: str, notification_id: NotificationId, seconds: float, fault: str, begun: int | None = None) -> None:
        row = self._close(owner, notification_id, NotificationStatus.PENDING)
        if row is not None:
            row.due_at, row.fault = self._clock.now() + timedelta(seconds=seconds), fault
            if begun is not None:
                row.attempts, row.first_attempt_at = begun, row.first_attempt_at if begun else None

    async def mark_failed(self, owner: str, notification_id: NotificationId, fault: str, backup: Notification | None) -> None:
        row = self._close(owner, notification_id, NotificationStatus.FAILED)
        if row is not None:
            row.fault = fault
            if backup is not None:
                self.add(backup)

    def _close(self, owner: str, notification_id: NotificationId, status: NotificationStatus) -> Row | None:
        row = self.rows[notification_id]
        if row.owner != owner:
            return None
        row.notification = replace(row.notification, status=status)
        row.owner = row.leased_until = None
        return row
