from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.ids import NotificationId
from domain.notification import Notification, NotificationStatus

FIRST_LOOK_SECONDS = 5.0
"""After which a provider may know what became of a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueNotification:
    """A leased row. ``attempts`` were begun before this one, the first of them at ``first_attempt_at``, the last at
    ``last_attempt_at``, which was ``quiet`` ago when the row was claimed.

    ``told_since``: the templates of what is later in its order, about the same thing, and was begun to be told before it.
    """

    notification: Notification
    attempts: int
    first_attempt_at: datetime | None
    told_since: frozenset[str] = frozenset()
    last_attempt_at: datetime | None = None
    quiet: timedelta | None = None


class NotificationQueue(Protocol):
    """Notifications waiting to be sent. Time is the database's; a claim is conditional on its owner."""

    async def claim(self, owner: str, limit: int, lease_seconds: int) -> Sequence[DueNotification]:
        """What is due. One that follows another about the same thing waits for it: an hour, or while somebody is at that one."""
        ...

    async def begin_attempt(self, owner: str, notification_id: NotificationId) -> bool:
        """Written before the first byte leaves. False if the lease is another's by now: then nothing may be sent."""
        ...

    async def mark_sent(
        self, owner: str, notification_id: NotificationId, provider_reference: str, look_after: float = FIRST_LOOK_SECONDS
    ) -> None:
        """Taken by the provider, which is asked after so many seconds what became of it."""
        ...

    async def postpone(
        self, owner: str, notification_id: NotificationId, seconds: float, fault: str, as_it_was: DueNotification | None = None
    ) -> None:
        """Not known, or not taken: claimable again after so long. ``as_it_was``, when it was claimed: nothing that was begun
        since can arrive, and its attempts stand as they did then.
        """
        ...

    async def mark_failed(
        self,
        owner: str,
        notification_id: NotificationId,
        fault: str,
        backup: Notification | None,
        status: NotificationStatus = NotificationStatus.FAILED,
    ) -> None:
        """It will not be delivered over this channel; ``backup`` is the row for the next one, added in the same commit."""
        ...
