"""Turns at a provider, given out by Redis to all processes; while it is away, by each process to itself.

All of a process' callers who want a turn at one moment ask together: a burst takes one connection, and one of its members cannot
wait so long for a connection that Redis looks as if it were away.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from redis.exceptions import NoScriptError, RedisError

from adapters.redis.coalescer import Coalescer
from adapters.redis.errors import answered_within
from adapters.redis.store import RedisStore, script
from application.ports.metrics import Metrics
from application.ports.sleeper import Sleeper
from domain.errors import QueueUnavailable, RateLimited

log = logging.getLogger(__name__)

LONGEST_PAUSE = 600.0
"""Seconds: what a provider asks for is believed so far."""
MOST_TOGETHER = 256
MOST_WAITING = 10_000


Turn = tuple[bool, float]
"""Whether it is granted, and the seconds until it comes: those until one might be granted, where it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """``burst`` calls at once, then ``per_second``; a call may be told to wait ``patience_seconds`` for its turn."""

    per_second: float
    burst: int = 1
    patience_seconds: float = 2.0

    @property
    def interval(self) -> float:
        return 1.0 / self.per_second


class LocalTurns:
    """The same reckoning as ``rate.lua``, in seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._empty: dict[str, float] = {}
        self._paused_until: dict[str, float] = {}

    def pause(self, provider: str, until: float) -> None:
        self._paused_until[provider] = max(until, self._paused_until.get(provider, 0.0))

    def turn(self, provider: str, rate: Rate, now: float) -> Turn:
        open_at = max(now, self._paused_until.get(provider, 0.0))
        empty = max(self._empty.get(provider, 0.0), open_at)
        wait = max(empty - rate.interval * (rate.burst - 1), open_at) - now
        if wait > rate.patience_seconds:
            return False, wait
        self._empty[provider] = empty + rate.interval
        return True, wait


class RedisRateLimiter:
    """A RateLimiter. ``store`` None: this process is all there is. Redis has its store's deadline to answer; where it does
    not, nobody asks it for ``away_seconds``.
    """

    def __init__(
        self, store: RedisStore | None, rates: Mapping[str, Rate], sleeper: Sleeper, metrics: Metrics, *, away_seconds: float = 1.0
    ) -> None:
        self._store = store
        self._rates = rates
        self._sleeper = sleeper
        self._metrics = metrics
        self._away = away_seconds
        self._away_until: float | None = None
        self._local = LocalTurns()
        self._turns: Coalescer[str, None, Turn] = Coalescer(self._turns_for, batch=MOST_TOGETHER, most_waiting=MOST_WAITING)

    async def take_turn(self, provider: str) -> None:
        try:
            granted, wait = await self._turns.ask(provider, None)
        except QueueUnavailable:  # too many wait
            granted, wait = False, self._rates[provider].patience_seconds
        if not granted:
            self._metrics.count("concert_rate_limited_total", provider=provider)
            raise RateLimited(provider, retry_after=wait)
        if wait > 0:
            await self._sleeper.sleep(wait)

    async def pause(self, provider: str, seconds: float) -> None:
        """Heeded here in any case, so that it holds also while Redis is away."""
        seconds = min(max(seconds, 0.0), LONGEST_PAUSE)
        self._local.pause(provider, self._sleeper.elapsed() + seconds)
        await self._ask(provider, "pause", _micro(seconds))

    async def _turns_for(self, provider: str, callers: Sequence[None]) -> Sequence[Turn]:
        rate = self._rates[provider]
        answer = await self._ask(provider, "turn", _micro(rate.interval), rate.burst, _micro(rate.patience_seconds), len(callers))
        if isinstance(answer, list):
            return [(granted == 1, wait / 1_000_000) for granted, wait in answer]
        return [self._local.turn(provider, rate, self._sleeper.elapsed()) for _ in callers]

    async def _ask(self, provider: str, *arguments: str | int) -> object:
        """None while Redis is away."""
        if self._store is None or (self._away_until is not None and self._sleeper.elapsed() < self._away_until):
            return None
        keys = [f"{{rate:{provider}}}:{part}" for part in ("next", "pause")]
        try:
            async with answered_within(self._store.deadline):
                try:
                    answer: object = await self._store.client.evalsha(RATE.digest, len(keys), *keys, *arguments)
                except NoScriptError:
                    answer = await self._store.client.eval(RATE.text, len(keys), *keys, *arguments)
        except (QueueUnavailable, RedisError, OSError) as fault:
            if self._away_until is None:
                log.warning("rates are kept by each process alone while redis is away", extra={"fault": str(fault)})
            self._away_until = self._sleeper.elapsed() + self._away
            return None
        self._away_until = None
        return answer


RATE = script("rate")


def _micro(seconds: float) -> int:
    return round(1_000_000 * seconds)
