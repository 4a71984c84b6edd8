from dataclasses import dataclass
from typing import Protocol

from domain.errors import ConcertError
from domain.notification import Notification


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The provider has taken the message, under this reference of its own."""

    reference: str


class Rejected(ConcertError):
    """The provider has finally said no: nothing was sent, and asking again would not help."""


class NotSent(ConcertError):
    """No byte of the request can have left: safe to try again, or to take another channel."""


class NotificationChannel(Protocol):
    async def send(self, notification: Notification) -> Receipt:
        """Hands the message over, safe to repeat within the provider's time for repeats (10 minutes).

        Raises Rejected, NotSent, or ChannelUnavailable when it is not known whether the message was taken.
        """
        ...

    async def find(self, notification: Notification) -> Receipt | None:
        """What became of an earlier ``send`` of this notification; None: the provider knows of none. Raises ChannelUnavailable."""
        ...
