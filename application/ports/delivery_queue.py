"""Notifications that a provider has taken, until it is known what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.ids import NotificationId
from domain.notification import Notification, NotificationStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenNotification:
    """A leased row. ``reference`` is the provider's; it has been asked ``looks`` times before."""

    notification: Notification
    reference: str
    taken_at: datetime
    looks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryEnd:
    """How it ended: ``by`` says who delivered it, ``note`` why nobody did."""

    status: NotificationStatus
    by: str | None = None
    note: str = ""


class DeliveryQueue(Protocol):
    """Time is the database's; a claim is conditional on its owner."""

    async def claim(self, owner: str, limit: int, lease_seconds: int) -> Sequence[TakenNotification]: ...

    async def hurry(self, notification_ids: Sequence[NotificationId]) -> int:
        """Those of them that wait for their next look need not wait longer; returns how many did."""
        ...

    async def look_again(self, owner: str, notification_id: NotificationId, seconds: float, note: str) -> None: ...

    async def close(self, owner: str, notification_id: NotificationId, end: DeliveryEnd, backup: Notification | None) -> None:
        """For good. ``backup`` is the row for the next channel, added in the same commit."""
        ...
