"""Notifications on their way, in memory, with leases by a clock."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from application.ports.clock import Clock
from application.ports.delivery_queue import DeliveryEnd, TakenNotification
from application.ports.notification_queue import FIRST_LOOK_SECONDS, DueNotification
from domain.ids import NotificationId
from domain.notification import Notification, NotificationStatus

ORDER_PATIENCE = timedelta(hours=1)


@dataclass
class Row:
    notification: Notification
    due_at: datetime
    attempts: int = 0
    first_attempt_at: datetime | None = None
    last_attempt_at: datetime | None = None
    owner: str | None = None
    leased_until: datetime | None = None
    reference: str | None = None
    fault: str | None = None
    taken_at: datetime | None = None
    looks: int = 0
    by: str | None = None

    @property
    def status(self) -> NotificationStatus:
        return self.notification.status

    def is_leased(self, now: datetime) -> bool:
        return self.leased_until is not None and self.leased_until > now


class MemoryNotifications:
    """The rows of both queues."""

    def __init__(self, clock: Clock, *notifications: Notification) -> None:
        self._clock = clock
        self.rows: dict[NotificationId, Row] = {}
        for notification in notifications:
            self.add(notification)

    def add(self, notification: Notification) -> None:
        assert notification.id not in self.rows, "added twice"
        self.rows[notification.id] = Row(notification, self._clock.now())

    def status(self, notification_id: NotificationId) -> NotificationStatus:
        return self.rows[notification_id].status

    def _lease(self, rows: list[Row], owner: str, lease_seconds: int) -> list[Row]:
        for row in rows:
            row.owner, row.leased_until = owner, self._clock.now() + timedelta(seconds=lease_seconds)
        return rows

    def _close(self, owner: str, notification_id: NotificationId, held: NotificationStatus, status: NotificationStatus) -> Row | None:
        row = self.rows[notification_id]
        if row.owner != owner or row.status is not held:
            return None
        row.notification = replace(row.notification, status=status)
        row.owner = row.leased_until = None
        return row

    def _is_due(self, row: Row, status: NotificationStatus) -> bool:
        now = self._clock.now()
        return row.status is status and row.due_at <= now and not row.is_leased(now)


class MemoryNotificationQueue(MemoryNotifications):
    async def claim(self, owner: str, limit: int, lease_seconds: int) -> Sequence[DueNotification]:
        due = [row for row in self.rows.values() if self._is_due(row, NotificationStatus.PENDING) and not self._waits(row)]
        return [
            DueNotification(
                notification=row.notification,
                attempts=row.attempts,
                first_attempt_at=row.first_attempt_at,
                told_since=frozenset(
                    other.notification.template for other in self._about(row) if other.first_attempt_at is not None and _later(other, row)
                ),
                last_attempt_at=row.last_attempt_at,
                quiet=None if row.last_attempt_at is None else self._clock.now() - row.last_attempt_at,
            )
            for row in self._lease(due[:limit], owner, lease_seconds)
        ]

    async def begin_attempt(self, owner: str, notification_id: NotificationId) -> bool:
        row = self.rows[notification_id]
        if row.owner != owner or not row.is_leased(self._clock.now()):
            return False
        row.attempts += 1
        row.first_attempt_at = row.first_attempt_at or self._clock.now()
        row.last_attempt_at = self._clock.now()
        return True

    async def mark_sent(
        self, owner: str, notification_id: NotificationId, provider_reference: str, look_after: float = FIRST_LOOK_SECONDS
    ) -> None:
        row = self._close(owner, notification_id, NotificationStatus.PENDING, NotificationStatus.SENT)
        if row is not None:
            row.reference, row.taken_at = provider_reference, self._clock.now()
            row.due_at = self._clock.now() + timedelta(seconds=look_after)

    async def postpone(
        self, owner: str, notification_id: NotificationId, seconds: float, fault: str, as_it_was: DueNotification | None = None
    ) -> None:
        row = self._close(owner, notification_id, NotificationStatus.PENDING, NotificationStatus.PENDING)
        if row is not None:
            row.due_at, row.fault = self._clock.now() + timedelta(seconds=seconds), fault
            if as_it_was is not None:
                row.attempts, row.first_attempt_at = as_it_was.attempts, as_it_was.first_attempt_at
                row.last_attempt_at = as_it_was.last_attempt_at

    async def mark_failed(
        self,
        owner: str,
        notification_id: NotificationId,
        fault: str,
        backup: Notification | None,
        status: NotificationStatus = NotificationStatus.FAILED,
    ) -> None:
        row = self._close(owner, notification_id, NotificationStatus.PENDING, status)
        if row is not None:
            row.fault = fault
            if backup is not None:
                self.add(backup)

    def _about(self, row: Row) -> list[Row]:
        about = row.notification.about
        return [other for other in self.rows.values() if about is not None and other.notification.about == about]

    def _waits(self, row: Row) -> bool:
        now = self._clock.now()
        fresh = row.notification.created_at > now - ORDER_PATIENCE
        return any(
            _later(row, other) and other.status is NotificationStatus.PENDING and (fresh or other.is_leased(now))
            for other in self._about(row)
        )


class MemoryDeliveryQueue:
    """Over the same rows."""

    def __init__(self, notifications: MemoryNotifications) -> None:
        self._all = notifications

    async def claim(self, owner: str, limit: int, lease_seconds: int) -> Sequence[TakenNotification]:
        taken = [row for row in self._all.rows.values() if self._all._is_due(row, NotificationStatus.SENT)]
        return [
            TakenNotification(
                notification=row.notification,
                reference=row.reference or "",
                taken_at=row.taken_at or row.notification.created_at,
                looks=row.looks,
            )
            for row in self._all._lease(taken[:limit], owner, lease_seconds)
        ]

    async def hurry(self, notification_ids: Sequence[NotificationId]) -> int:
        now = self._all._clock.now()
        waiting = [row for key, row in self._all.rows.items() if key in notification_ids and row.status is NotificationStatus.SENT]
        waiting = [row for row in waiting if row.due_at > now]
        for row in waiting:
            row.due_at = now
        return len(waiting)

    async def look_again(self, owner: str, notification_id: NotificationId, seconds: float, note: str) -> None:
        row = self._all._close(owner, notification_id, NotificationStatus.SENT, NotificationStatus.SENT)
        if row is not None:
            row.looks += 1
            row.due_at, row.fault = self._all._clock.now() + timedelta(seconds=seconds), note

    async def close(self, owner: str, notification_id: NotificationId, end: DeliveryEnd, backup: Notification | None) -> None:
        row = self._all._close(owner, notification_id, NotificationStatus.SENT, end.status)
        if row is not None:
            row.by, row.fault = end.by, end.note
            if backup is not None:
                self._all.add(backup)


def _later(one: Row, other: Row) -> bool:
    return one.notification.sequence > other.notification.sequence
