"""What became of what a provider has taken: asked until there is an answer, and never for ever."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from application.messaging.unbroken import unbroken
from application.ports.clock import Clock
from application.ports.delivery_queue import DeliveryEnd, DeliveryQueue, TakenNotification
from application.ports.delivery_reports import DeliveryReports, Fate, Report
from application.ports.jitter import Jitter
from application.ports.metrics import Metrics
from application.ports.notification_channel import Rejected
from domain.errors import ChannelUnavailable
from domain.notification import Channel, NotificationStatus

log = logging.getLogger(__name__)

BATCH = 32
LEASE_SECONDS = 30
WAITS = (15.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0)
"""Seconds after the first look, the second, and so on; the last one for all that follow."""
LONGEST_WAIT_UNANSWERED = 300.0
"""A provider that cannot be asked says nothing of the message: its results may have been there for long."""
SPREAD = 0.2
"""So much of a wait is chance: what was taken together is not asked for together."""
DEADLINES: Mapping[Channel, timedelta] = MappingProxyType({Channel.ALIMTALK: timedelta(hours=74), Channel.SMS: timedelta(hours=81)})
"""From being taken. A doubtful AlimTalk may still arrive within three days; a long message has its result within 80 hours."""
BY_DEALER = "DEALER"


class FollowDeliveries:
    """``owner`` names this follower among all that run. A look passes no circuit: it sends nothing."""

    def __init__(
        self,
        queue: DeliveryQueue,
        reports: Mapping[Channel, DeliveryReports],
        clock: Clock,
        jitter: Jitter,
        metrics: Metrics,
        owner: str,
        batch: int = BATCH,
        lease_seconds: int = LEASE_SECONDS,
    ) -> None:
        self._queue = queue
        self._reports = reports
        self._clock = clock
        self._jitter = jitter
        self._metrics = metrics
        self._owner = owner
        self._batch = batch
        self._lease_seconds = lease_seconds

    async def __call__(self) -> int:
        """Looks after what is due, at most one batch, side by side; returns how many.

        Raises NotCommitted, OutcomeUnknown when an end could not be written: the lease runs out, and another looks.
        """
        taken = await self._queue.claim(self._owner, self._batch, self._lease_seconds)
        for end in await asyncio.gather(*map(self._look, taken), return_exceptions=True):
            if isinstance(end, BaseException):
                raise end
        return len(taken)

    async def _look(self, taken: TakenNotification) -> None:
        notification = taken.notification
        report, wait = await self._ask(taken)
        end = _end(report, notification.channel)
        if end is None and self._clock.now() - taken.taken_at > DEADLINES[notification.channel]:
            end = DeliveryEnd(status=NotificationStatus.UNCONFIRMED, note=report.note)
        self._metrics.count("concert_deliveries_total", channel=notification.channel, fate="OPEN" if end is None else end.status)
        if end is None:
            await self._queue.look_again(self._owner, notification.id, wait, report.note)
            return
        if end.status is not NotificationStatus.DELIVERED:
            fault = {"id": str(notification.id), "channel": notification.channel, "end": end.status, "note": end.note}
            log.warning("a notification was taken and is not known to have arrived", extra=fault)
        failed = end.status is NotificationStatus.FAILED
        await self._queue.close(self._owner, notification.id, end, notification.backup(self._clock.now()) if failed else None)

    async def _ask(self, taken: TakenNotification) -> tuple[Report, float]:
        """What the provider says and, should it say nothing final, the seconds to wait."""
        wait = WAITS[min(taken.looks, len(WAITS) - 1)] * (1 + SPREAD * self._jitter.chance())
        try:
            return await unbroken(self._reports[taken.notification.channel].report(taken.notification, taken.reference)), wait
        except (ChannelUnavailable, Rejected) as fault:
            return Report(fate=Fate.UNDER_WAY, note=str(fault)), min(wait, LONGEST_WAIT_UNANSWERED)


def _end(report: Report, channel: Channel) -> DeliveryEnd | None:
    """None: there is none yet. A doubtful one gets no message of ours besides: two would be one too many."""
    match report.fate:
        case Fate.DELIVERED:
            return DeliveryEnd(status=NotificationStatus.DELIVERED, by=channel)
        case Fate.DELIVERED_BY_DEALER:
            return DeliveryEnd(status=NotificationStatus.DELIVERED, by=BY_DEALER, note=report.note)
        case Fate.NOT_DELIVERED:
            return DeliveryEnd(status=NotificationStatus.FAILED, note=report.note)
        case Fate.UNDER_WAY | Fate.DOUBTFUL:
            return None
