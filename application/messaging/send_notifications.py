"""Sending notifications: each reaches its recipient once, whoever is killed when."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from uuid import UUID

from application.messaging.sending_outcomes import Failed, Later, Lost, Outcome, Outdated, Sent
from application.messaging.templates import TEMPLATES
from application.messaging.unbroken import unbroken
from application.ports.clock import Clock
from application.ports.jitter import Jitter
from application.ports.metrics import Metrics
from application.ports.notification_channel import NotificationChannel, NotSent, Rejected
from application.ports.notification_queue import DueNotification, NotificationQueue
from application.ports.sleeper import Sleeper
from domain.errors import ChannelPaused, ChannelThrottled, ChannelUnavailable, Step
from domain.notification import Channel, NotificationStatus
from domain.retry_policy import RETRY_POLICIES, RetryPolicy

log = logging.getLogger(__name__)

BATCH = 32
LEASE_SECONDS = 30
TRIES = RETRY_POLICIES[Step.NOTIFICATION].attempts
WAITS = RetryPolicy(attempts=TRIES, base=0.5, cap=300.0)
"""Before the next try, seconds. Longer than those of a transaction: a provider takes its time to come back."""
GRACE = 30.0
"""Seconds after which a request that was under way stands in the provider's books, or never will. That nothing is found
sooner says nothing: no look decides before so long has passed since the last attempt that may have left.
"""
GIVE_UP_AFTER = timedelta(hours=24)
PAUSE_PATIENCE = timedelta(minutes=15)
"""A channel that is left alone decides nothing. But where none of its attempts can have arrived, the fan waits no longer."""
THROTTLED_SECONDS = 5.0
"""Where a provider says that we ask too often, and not for how long."""

KNOWN_BY_NHN: Mapping[Channel, timedelta] = MappingProxyType(
    {Channel.ALIMTALK: timedelta(minutes=9), Channel.SMS: timedelta(0)},
)
"""How long after the first attempt NHN Cloud itself refuses a repeat. AlimTalk: 10 minutes, less a skew of clocks."""
NEVER: Mapping[Channel, timedelta] = MappingProxyType({channel: timedelta(0) for channel in Channel})
"""A provider that takes a repeat for a new message."""


class SendNotifications:
    """``owner`` names this notifier among all that run; ``repeats_known``, for how long the provider knows a repeat."""

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
        repeats_known: Mapping[Channel, timedelta] = KNOWN_BY_NHN,
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
        self._repeats_known = repeats_known

    async def __call__(self) -> int:
        """Sends what is due, at most one batch, side by side, and one after another what is about the same thing; returns
        how many it took up.

        Raises NotCommitted, OutcomeUnknown when an end could not be written: the lease runs out, and the repeat is one
        that the provider knows, or looks first.
        """
        due = await self._queue.claim(self._owner, self._batch, self._lease_seconds)
        for end in await asyncio.gather(*map(self._in_order, _by_subject(due)), return_exceptions=True):
            if isinstance(end, BaseException):
                raise end
        return len(due)

    async def _in_order(self, dues: Iterable[DueNotification]) -> None:
        for due in dues:
            await self._take_up(due)

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
        outdated = _is_outdated(due)
        looks = due.attempts > 0 and (outdated or due.attempts >= TRIES or not self._repeat_is_known(due))
        if looks and (early := _too_early(due)) > 0:  # whoever began the last attempt may have been killed a moment ago
            return Later(fault="an attempt may be under way", seconds=early)
        if looks and (receipt := await unbroken(channel.find(due.notification))) is not None:
            return Sent(receipt=receipt)
        if outdated:
            return Outdated()
        if looks and due.attempts >= TRIES and due.notification.backup(self._clock.now()) is not None:
            return Failed(fault="no attempt arrived", by_backup=True)
        return await self._hand_over(due, channel, none_arrived=looks or due.attempts == 0)

    async def _hand_over(self, due: DueNotification, channel: NotificationChannel, *, none_arrived: bool) -> Outcome:
        """Attempts of which nothing left are repeated here and now, since only here it is known that nothing left."""
        nothing_left: NotSent | None = None
        for attempt in range(1, TRIES + 1):
            if not await self._queue.begin_attempt(self._owner, due.notification.id):
                return Lost()
            try:
                return Sent(receipt=await unbroken(channel.send(due.notification)))
            except (ChannelPaused, ChannelThrottled) as pause:
                return self._paused(due, pause, none_arrived=none_arrived)
            except NotSent as fault:
                nothing_left = fault
            except ChannelUnavailable as fault:
                return self._later(due, due.attempts + attempt, fault)
            except Rejected as refusal:
                if none_arrived:
                    raise
                return await self._refused_beside_another(due, channel, refusal)
            if attempt < TRIES:
                await self._sleeper.sleep(WAITS.wait(attempt, self._jitter.chance()))
        if due.attempts == 0 and due.notification.backup(self._clock.now()) is not None:
            return Failed(fault=str(nothing_left), by_backup=True)
        return self._later(due, due.attempts + TRIES, nothing_left)

    async def _refused_beside_another(self, due: DueNotification, channel: NotificationChannel, refusal: Rejected) -> Outcome:
        """An earlier attempt may have been taken all the same, before the provider changed its mind, or may still be.

        Raises the refusal where none was and none will be.
        """
        if (receipt := await unbroken(channel.find(due.notification))) is not None:
            return Sent(receipt=receipt)
        if (early := _too_early(due)) > 0:
            return Later(fault=str(refusal), seconds=early, as_it_was=due)
        raise refusal

    def _later(self, due: DueNotification, begun: int, fault: Exception | None) -> Outcome:
        """Before a look-up, what was under way gets the time to arrive."""
        if self._age(due) > GIVE_UP_AFTER:
            return Failed(fault=str(fault), by_backup=False)
        wait = WAITS.wait(min(begun + 1, 20), self._jitter.chance())
        looks_next = begun >= TRIES or not self._repeat_is_known(due)
        return Later(fault=str(fault), seconds=max(wait, GRACE) if looks_next else wait)

    def _paused(self, due: DueNotification, pause: ChannelPaused | ChannelThrottled, *, none_arrived: bool) -> Outcome:
        """The channel is left alone for a while: of all that was begun here nothing has left, and that decides nothing."""
        age = self._age(due)
        if none_arrived and age > PAUSE_PATIENCE and due.notification.backup(self._clock.now()) is not None:
            return Failed(fault=str(pause), by_backup=True)
        if age > GIVE_UP_AFTER:
            return Failed(fault=str(pause), by_backup=False)
        wait = THROTTLED_SECONDS if pause.retry_after is None else pause.retry_after
        return Later(fault=str(pause), seconds=wait + WAITS.wait(1, self._jitter.chance()), as_it_was=due)

    def _repeat_is_known(self, due: DueNotification) -> bool:
        now = self._clock.now()
        return now - (due.first_attempt_at or now) < self._repeats_known[due.notification.channel]

    def _age(self, due: DueNotification) -> timedelta:
        """Since it was first tried or, where nothing was, since it could have been."""
        return self._clock.now() - (due.first_attempt_at or due.notification.created_at)

    async def _record(self, due: DueNotification, outcome: Outcome) -> None:
        notification = due.notification
        now = self._clock.now()
        match outcome:
            case Sent(receipt=receipt):
                await self._queue.mark_sent(self._owner, notification.id, receipt.reference)
                age = (now - notification.created_at).total_seconds()
                self._metrics.observe("concert_notification_seconds", age, channel=notification.channel)
            case Later(fault=fault, seconds=seconds, as_it_was=as_it_was):
                await self._queue.postpone(self._owner, notification.id, seconds, fault, as_it_was)
            case Failed(fault=fault, by_backup=by_backup):
                backup = notification.backup(now) if by_backup else None
                log.warning("a notification failed", extra={"id": str(notification.id), "channel": notification.channel, "fault": fault})
                await self._queue.mark_failed(self._owner, notification.id, fault, backup)
            case Outdated():
                await self._queue.mark_failed(self._owner, notification.id, "outdated", None, NotificationStatus.OUTDATED)
            case Lost():
                pass
        self._metrics.count("concert_notifications_total", channel=notification.channel, outcome=type(outcome).__name__.lower())


def _by_subject(dues: Sequence[DueNotification]) -> Iterable[Sequence[DueNotification]]:
    """Together what is about the same thing, in its order."""
    together: dict[UUID, list[DueNotification]] = {}
    for due in sorted(dues, key=lambda due: due.notification.sequence):
        together.setdefault(due.notification.about or due.notification.id, []).append(due)
    return together.values()


def _too_early(due: DueNotification) -> float:
    """Seconds until a look decides; 0 where it does. The time that this pass has taken itself is not reckoned in."""
    return 0.0 if due.quiet is None else max(GRACE - due.quiet.total_seconds(), 0.0)


def _is_outdated(due: DueNotification) -> bool:
    template = TEMPLATES.get(due.notification.template)
    return template is not None and not template.undone_by.isdisjoint(due.told_since)
