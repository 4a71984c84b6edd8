"""Sending notifications: each reaches its recipient once, whoever is killed when."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from application.ports.clock import Clock
from application.ports.jitter import Jitter
from application.ports.metrics import Metrics
from application.ports.notification_channel import NotificationChannel, NotSent, Receipt, Rejected
from application.ports.notification_queue import DueNotification, NotificationQueue
from application.ports.sleeper import Sleeper
from domain.errors import ChannelPaused, ChannelUnavailable, Step
from domain.notification import Channel
from domain.retry_policy import RETRY_POLICIES, RetryPolicy

log = logging.getLogger(__name__)

BATCH = 32
LEASE_SECONDS = 30
TRIES = RETRY_POLICIES[Step.NOTIFICATION].attempts
WAITS = RetryPolicy(attempts=TRIES, base=0.5, cap=300.0)
"""Before the next try, seconds. Longer than those of a transaction: a provider takes its time to come back."""
GRACE = 30.0
"""Seconds after which a request that was under way stands in the provider's books, or never will."""
GIVE_UP_AFTER = timedelta(hours=24)

REPEATS_ARE_KNOWN: Mapping[Channel, timedelta] = MappingProxyType(
    {Channel.ALIMTALK: timedelta(minutes=9), Channel.SMS: timedelta(0)},
)
"""How long after the first attempt the provider itself refuses a repeat. AlimTalk: 10 minutes, less a skew of clocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Not sent, or not known to be: asked again after ``seconds``. ``begun``: as many attempts stand, if one was none."""

    fault: str
    seconds: float
    begun: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Over for this channel. ``by_backup``: nothing of it has reached the provider for good, so the next one may."""

    fault: str
    by_backup: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The lease is another's by now, and so is the notification."""


Outcome = Sent | Later | Failed | Lost


class SendNotifications:
    """``owner`` names this notifier among all that run."""

    def __init__(
        self,
        queue: NotificationQueue,
        channels: Mapping[Channel, NotificationChannel],
        clock: Clock,
        sleeper: Sleeper,
        jitter: Jitter,
        metrics: Metrics,
        owner: str,
        batch: int = BATCH,
        lease_seconds: int = LEASE_SECONDS,
    ) -> None:
        self._queue = queue
        self._channels = channels
        self._clock = clock
        self._sleeper = sleeper
        self._jitter = jitter
        self._metrics = metrics
        self._owner = owner
        self._batch = batch
        self._lease_seconds = lease_seconds

    async def __call__(self) -> int:
        """Sends what is due, at most one batch, side by side; returns how many it took up.

        Raises NotCommitted, OutcomeUnknown when an end could not be written: the lease runs out, and the repeat is one
        that the provider knows, or looks first.
        """
        due = await self._queue.claim(self._owner, self._batch, self._lease_seconds)
        for end in await asyncio.gather(*map(self._take_up, due), return_exceptions=True):
            if isinstance(end, BaseException):
                raise end
        return len(due)

    async def _take_up(self, due: DueNotification) -> None:
        channel = self._channels[due.notification.channel]
        try:
            outcome = await self._outcome(due, channel)
        except Rejected as refusal:
            outcome = Failed(fault=str(refusal), by_backup=True)
        except ChannelUnavailable as fault:
            outcome = self._later(due, due.attempts, fault)
        await self._record(due, outcome)

    async def _outcome(self, due: DueNotification, channel: NotificationChannel) -> Outcome:
        """The first attempt sends at once; a repeat that the provider would not know for one looks first."""
        if due.attempts > 0 and (due.attempts >= TRIES or not self._repeat_is_known(due)):
            if (receipt := await channel.find(due.notification)) is not None:
                return Sent(receipt=receipt)
            if due.attempts >= TRIES and due.notification.backup(self._clock.now()) is not None:
                return Failed(fault="no attempt arrived", by_backup=True)
        return await self._hand_over(due, channel)

    async def _hand_over(self, due: DueNotification, channel: NotificationChannel) -> Outcome:
        """Attempts of which nothing left are repeated here and now, since only here it is known that nothing left."""
        nothing_left: NotSent | None = None
        for attempt in range(1, TRIES + 1):
            if not await self._queue.begin_attempt(self._owner, due.notification.id):
                return Lost()
            try:
                return Sent(receipt=await channel.send(due.notification))
            except ChannelPaused as pause:
                return self._paused(due, due.attempts + attempt - 1, pause)
            except NotSent as fault:
                nothing_left = fault
            except ChannelUnavailable as fault:
                return self._later(due, due.attempts + attempt, fault)
            except Rejected:
                # An earlier attempt may have been taken all the same, before the provider changed its mind.
                if due.attempts > 0 and (receipt := await channel.find(due.notification)) is not None:
                    return Sent(receipt=receipt)
                raise
            if attempt < TRIES:
                await self._sleeper.sleep(WAITS.wait(attempt, self._jitter.chance()))
        if due.attempts == 0 and due.notification.backup(self._clock.now()) is not None:
            return Failed(fault=str(nothing_left), by_backup=True)
        return self._later(due, due.attempts + TRIES, nothing_left)

    def _later(self, due: DueNotification, begun: int, fault: Exception | None) -> Outcome:
        """Before a look-up, what was under way gets the time to arrive."""
        if self._age(due) > GIVE_UP_AFTER:
            return Failed(fault=str(fault), by_backup=False)
        wait = WAITS.wait(min(begun + 1, 20), self._jitter.chance())
        looks_next = begun >= TRIES or not self._repeat_is_known(due)
        return Later(fault=str(fault), seconds=max(wait, GRACE) if looks_next else wait)

    def _paused(self, due: DueNotification, begun: int, pause: ChannelPaused) -> Outcome:
        """The channel is left alone for a while: that was no attempt, and decides nothing."""
        if self._age(due) > GIVE_UP_AFTER:
            return Failed(fault=str(pause), by_backup=False)
        return Later(fault=str(pause), seconds=pause.retry_after + WAITS.wait(1, self._jitter.chance()), begun=begun)

    def _repeat_is_known(self, due: DueNotification) -> bool:
        return self._age(due) < REPEATS_ARE_KNOWN[due.notification.channel]

    def _age(self, due: DueNotification) -> timedelta:
        return self._clock.now() - due.first_attempt_at if due.first_attempt_at else timedelta(0)

    async def _record(self, due: DueNotification, outcome: Outcome) -> None:
        notification = due.notification
        now = self._clock.now()
        match outcome:
            case Sent(receipt=receipt):
                await self._queue.mark_sent(self._owner, notification.id, receipt.reference)
                age = (now - notification.created_at).total_seconds()
                self._metrics.observe("concert_notification_seconds", age, channel=notification.channel)
            case Later(fault=fault, seconds=seconds, begun=begun):
                await self._queue.postpone(self._owner, notification.id, seconds, fault, begun)
            case Failed(fault=fault, by_backup=by_backup):
                backup = notification.backup(now) if by_backup else None
                log.warning("a notification failed", extra={"id": str(notification.id), "channel": notification.channel, "fault": fault})
                await self._queue.mark_failed(self._owner, notification.id, fault, backup)
            case Lost():
                pass
        self._metrics.count("concert_notifications_total", channel=notification.channel, outcome=type(outcome).__name__.lower())
