"""A notification: what a person is told about one event over one channel."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from domain.ids import ConcertId, MessageId, NotificationId, UserId, derived_id


class Channel(StrEnum):
    ALIMTALK = "ALIMTALK"
    SMS = "SMS"


class NotificationStatus(StrEnum):
    """PENDING until a provider has taken it: SENT. Then DELIVERED, or FAILED: not over this channel, now or ever."""

    PENDING = "PENDING"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    UNCONFIRMED = "UNCONFIRMED"
    """It was taken, and in all the time a provider has for it nobody could say whether it arrived. Nothing more is sent."""
    OUTDATED = "OUTDATED"
    """Something newer about the same thing had been told before it could leave, and made it untrue."""
    UNDELIVERABLE = "UNDELIVERABLE"
    """There is no phone number to send to; the booking stands all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """Unique per (event, recipient, channel). ``facts`` fill the template's places.

    What is told ``about`` one thing, a reservation, is told by rising ``sequence``.
    """

    id: NotificationId
    concert_id: ConcertId
    event: MessageId
    recipient: UserId
    channel: Channel
    phone: str | None
    template: str
    facts: Mapping[str, str]
    status: NotificationStatus
    created_at: datetime
    about: UUID | None = None
    sequence: int = 0

    def backup(self, now: datetime) -> Self | None:
        """The same news over the next channel, due at once; None where there is no other."""
        if self.channel is not Channel.ALIMTALK:
            return None
        return replace(
            self,
            id=notification_id(self.event, self.recipient, Channel.SMS),
            channel=Channel.SMS,
            status=NotificationStatus.PENDING,
            created_at=now,
        )


def notification_id(event: MessageId, recipient: UserId, channel: Channel) -> NotificationId:
    """The same event, person and channel give the same notification, however often it is made."""
    return NotificationId(derived_id(event, channel, recipient))
