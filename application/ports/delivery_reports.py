"""What a provider says became of a message that it has taken."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from domain.notification import Notification


class Fate(StrEnum):
    UNDER_WAY = "UNDER_WAY"
    """No result yet, a stand-in of the provider's own that has not ended included; or the provider cannot show it."""
    DELIVERED = "DELIVERED"
    DELIVERED_BY_DEALER = "DELIVERED_BY_DEALER"
    """It could not be delivered this way, and the provider has sent a text message in its place."""
    DOUBTFUL = "DOUBTFUL"
    """It left, and nobody knows whether it arrived; it still may."""
    NOT_DELIVERED = "NOT_DELIVERED"
    """For good, and nothing of the provider's stands in for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """``note`` is the provider's code."""

    fate: Fate
    note: str = ""


class DeliveryReports(Protocol):
    async def report(self, notification: Notification, reference: str) -> Report:
        """Raises ChannelUnavailable."""
        ...
