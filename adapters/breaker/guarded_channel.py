"""A notification channel that is left alone while it keeps failing, and not asked more often than it bears."""

from collections.abc import Callable

from application.ports.circuit_breaker import CircuitBreaker, Verdict
from application.ports.notification_channel import NotificationChannel, NotSent, Receipt
from application.ports.rate_limiter import RateLimiter
from application.recent_answers import RecentAnswers
from application.single_flight import FlightCancelled
from domain.errors import ChannelPaused, ChannelThrottled, ChannelUnavailable, CircuitOpen, RateLimited
from domain.notification import Notification

KEPT_SECONDS = 1.0
PAUSE_SECONDS = 5.0
"""Where a provider says that we ask too often, and not for how long."""


class GuardedChannel:
    """A NotificationChannel. ``name`` is its circuit's and its provider's. While it is left alone ``send`` raises
    ChannelPaused: that is no try, and no reason for another channel. ``find`` passes no circuit.
    """

    def __init__(
        self, name: str, channel: NotificationChannel, breaker: CircuitBreaker, limiter: RateLimiter, elapsed: Callable[[], float]
    ) -> None:
        self._name = name
        self._channel = channel
        self._breaker = breaker
        self._limiter = limiter
        self._found: RecentAnswers[Receipt | None] = RecentAnswers(elapsed, KEPT_SECONDS)

    async def send(self, notification: Notification) -> Receipt:
        """Raises ChannelPaused besides."""
        if (wait := await self._breaker.refused_for(self._name)) is not None:
            raise ChannelPaused("circuit open", retry_after=wait)
        try:
            await self._limiter.take_turn(self._name)
            return await self._send(notification)
        except CircuitOpen as refusal:
            raise ChannelPaused("circuit open", retry_after=refusal.retry_after) from refusal
        except RateLimited as refusal:
            raise ChannelPaused("not its turn", retry_after=refusal.retry_after) from refusal

    async def find(self, notification: Notification) -> Receipt | None:
        try:
            return await self._found(str(notification.id), lambda: self._find(notification))
        except FlightCancelled as closed:
            raise ChannelUnavailable("closed") from closed

    async def close(self) -> None:
        await self._found.close()

    async def _send(self, notification: Notification) -> Receipt:
        async with self._breaker.guard(self._name) as call:
            try:
                return await self._channel.send(notification)
            except ChannelThrottled as throttled:
                call.verdict = Verdict.FAILURE
                await self._pause(throttled)
                raise
            except (NotSent, ChannelUnavailable):
                call.verdict = Verdict.FAILURE
                raise
            finally:
                self._found.forget(str(notification.id))

    async def _find(self, notification: Notification) -> Receipt | None:
        try:
            await self._limiter.take_turn(self._name)
        except RateLimited as refusal:
            raise ChannelUnavailable("it is not our turn") from refusal
        try:
            return await self._channel.find(notification)
        except ChannelThrottled as throttled:
            await self._pause(throttled)
            raise

    async def _pause(self, throttled: ChannelThrottled) -> None:
        await self._limiter.pause(self._name, PAUSE_SECONDS if throttled.retry_after is None else throttled.retry_after)
