"""Circuit breakers as processes have them: each with its own client of what they share."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis

from adapters.breaker.local_circuits import LocalCircuits
from adapters.breaker.policy import CircuitPolicy, PolicyOf
from adapters.breaker.purgatory_breaker import PurgatoryCircuitBreaker
from adapters.breaker.shared_circuits import ScriptRunner, SharedCircuits
from adapters.redis.client import connect
from application.ports.circuit_breaker import Verdict
from domain.errors import CircuitOpen

PATIENT = CircuitPolicy(threshold=3, open_seconds=0.2, window_seconds=10, minimum_calls=1000, probe_seconds=5)
DEADLINE = 3.0
"""Seconds for the server, which is there: on a busy machine a tenth, as in production, has some circuits stand alone for a while."""


class Counted:
    """Metrics that can be asked."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, ...], int] = {}
        self.gauges: dict[tuple[str, ...], float] = {}

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        key = (name, *labels.values())
        self.counts[key] = self.counts.get(key, 0) + amount

    def observe(self, name: str, seconds: float, **labels: str) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self.gauges[(name, *labels.values())] = value


@dataclass
class Process:
    """What one process has of the circuit ``name``."""

    breaker: PurgatoryCircuitBreaker
    metrics: Counted
    name: str
    shared: SharedCircuits | None = None
    reached: int = 0
    peak: int = 0
    _inside: int = field(default=0)

    async def call(self, verdict: Verdict | None = None, *, raising: BaseException | None = None, seconds: float = 0.0) -> None:
        """One call to whatever the circuit protects, which then ends so."""
        async with self.breaker.guard(self.name) as call:
            self.reached += 1
            self._inside += 1
            self.peak = max(self.peak, self._inside)
            try:
                if seconds:
                    await asyncio.sleep(seconds)
                call.verdict = verdict
                if raising is not None:
                    raise raising
            finally:
                self._inside -= 1

    async def fail(self, times: int = 1) -> None:
        for _ in range(times):
            await self.call(Verdict.FAILURE)

    async def is_open(self) -> bool:
        """Asks by calling; the call has no verdict."""
        try:
            await self.call(Verdict.NONE)
        except CircuitOpen:
            return True
        return False


StartProcess = Callable[..., Process]


def process(circuits: Callable[[PolicyOf, Counted], Any], policy: CircuitPolicy, name: str) -> Process:
    metrics = Counted()

    def policy_of(_: str) -> CircuitPolicy:
        return policy

    made = circuits(policy_of, metrics)
    breaker = PurgatoryCircuitBreaker(made, policy_of, time.monotonic, metrics)
    return Process(breaker=breaker, metrics=metrics, name=name, shared=made if isinstance(made, SharedCircuits) else None)


def shared(
    client: ScriptRunner, policy_of: PolicyOf, metrics: Counted, refresh_seconds: float = 0.05, deadline_seconds: float = DEADLINE
) -> SharedCircuits:
    local = LocalCircuits(policy_of, time.monotonic)
    return SharedCircuits(
        client,
        local,
        policy_of,
        time.monotonic,
        metrics,
        deadline_seconds=deadline_seconds,
        refresh_seconds=refresh_seconds,
        away_seconds=1.0,
    )


@asynccontextmanager
async def processes_at(url: str) -> AsyncIterator[StartProcess]:
    """Processes that share a server, each over connections of its own."""
    stores = []
    name = uuid4().hex

    def start(policy: CircuitPolicy = PATIENT, refresh_seconds: float = 0.05, deadline_seconds: float = DEADLINE) -> Process:
        stores.append(store := connect(url, timeout_seconds=deadline_seconds))
        return process(lambda policy_of, metrics: shared(store.client, policy_of, metrics, refresh_seconds, deadline_seconds), policy, name)

    yield start
    for store in stores:
        await store.close()


@asynccontextmanager
async def processes_on(client: Redis) -> AsyncIterator[StartProcess]:
    name = uuid4().hex

    def start(policy: CircuitPolicy = PATIENT, refresh_seconds: float = 0.05) -> Process:
        return process(lambda policy_of, metrics: shared(client, policy_of, metrics, refresh_seconds), policy, name)

    yield start
    await client.aclose()


@asynccontextmanager
async def one_process() -> AsyncIterator[StartProcess]:
    """All circuits lie in this process; whoever starts another one starts this one again, with other rules."""
    kept: dict[str, LocalCircuits] = {}
    rules: dict[str, CircuitPolicy] = {}

    def start(policy: CircuitPolicy = PATIENT, refresh_seconds: float = 0.0) -> Process:
        rules["now"] = policy

        def local(policy_of: PolicyOf, metrics: Counted) -> LocalCircuits:
            return kept.setdefault("here", LocalCircuits(lambda _: rules["now"], time.monotonic))

        return process(local, policy, "circuit")

    yield start
