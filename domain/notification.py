"""A notification: what a person is told about one event over one channel."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.ids import ConcertId, MessageId, NotificationId, UserId


class Channel(StrEnum):
    ALIMTALK = "ALIMTALK"
    SMS = "SMS"


class NotificationStatus(StrEnum):
    """UNDELIVERABLE: there is no phone number to send to; the booking stands all the same."""

    PENDING = "PENDING"
    SENT = "SENT"
    FAILED = "FAILED"
    UNDELIVERABLE = "UNDELIVERABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """Unique per (event, recipient, channel). ``facts`` fill the template's places."""

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
