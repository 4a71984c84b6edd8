"""Looks that keep to the provider's rate, as what is sent does."""

from application.ports.delivery_reports import DeliveryReports, Report
from application.ports.rate_limiter import RateLimiter
from domain.errors import ChannelUnavailable, RateLimited
from domain.notification import Notification


class PacedReports:
    """DeliveryReports of one provider, by its turns."""

    def __init__(self, provider: str, reports: DeliveryReports, limiter: RateLimiter) -> None:
        self._provider = provider
        self._reports = reports
        self._limiter = limiter

    async def report(self, notification: Notification, reference: str) -> Report:
        try:
            await self._limiter.take_turn(self._provider)
        except RateLimited as refusal:
            raise ChannelUnavailable("it is not our turn") from refusal
        return await self._reports.report(notification, reference)
