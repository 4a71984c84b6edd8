"""A breaker and a limiter of this process, in time that moves when it is told to."""

from adapters.breaker.local_circuits import LocalCircuits
from adapters.breaker.policy import CircuitPolicy
from adapters.breaker.purgatory_breaker import PurgatoryCircuitBreaker
from adapters.redis.rate_limiter import Rate, RedisRateLimiter
from tests.contracts.circuits import Counted

POLICY = CircuitPolicy(threshold=3, open_seconds=30.0, slow_seconds=10.0)


class Time:
    """A Sleeper whose time passes only by sleeping or by being moved; while it ``stands``, sleepers go on at once."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.stands = False

    async def sleep(self, seconds: float) -> None:
        if not self.stands:
            self.now += seconds

    def elapsed(self) -> float:
        return self.now


class Guards:
    def __init__(self, *providers: str, rate: Rate | None = None) -> None:
        self.time, self.metrics = Time(), Counted()
        self.breaker = PurgatoryCircuitBreaker(
            LocalCircuits(lambda _: POLICY, self.time.elapsed), lambda _: POLICY, self.time.elapsed, self.metrics
        )
        plenty = rate or Rate(per_second=1000, burst=1000)
        self.limiter = RedisRateLimiter(None, dict.fromkeys(providers, plenty), self.time, self.metrics)
