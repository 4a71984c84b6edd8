"""The one retry loop. It stands around the transactor, nowhere else, and tries again only what may be gone."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from application.failures import note_failure
from application.ports.jitter import Jitter
from application.ports.metrics import Metrics
from application.ports.sleeper import Sleeper
from domain.errors import NotCommitted, OutcomeUnknown, ServiceUnavailable, Stale, Step, TransientError
from domain.retry_policy import RETRY_POLICIES, RetryPolicy

T = TypeVar("T")

STALE_LOOKUPS = 3
RETRY_AFTER_SECONDS = 2
CALLER_PATIENCE = 5.5
"""Seconds for all tries together, so that an HTTP caller hears within 10 s, four of waiting for a gateway included."""


class Retrying:
    """Budgets, not nested retries: each fault takes a try from the step it names; the first empty budget ends it."""

    def __init__(
        self,
        sleeper: Sleeper,
        jitter: Jitter,
        metrics: Metrics,
        policies: Mapping[Step, RetryPolicy] = RETRY_POLICIES,
        patience: float = CALLER_PATIENCE,
    ) -> None:
        self._sleeper = sleeper
        self._jitter = jitter
        self._metrics = metrics
        self._policies = policies
        self._patience = patience

    async def __call__(self, step: Step, attempt: Callable[[], Awaitable[T]]) -> T:
        """The attempt's result, or its refusal. Raises ServiceUnavailable when the budget or the time is spent, also in mid-try.

        NotCommitted and OutcomeUnknown are tried again with full-jitter waits (the attempt looks for an earlier
        result first, under lock); Stale at once, at most three times.
        """
        try:
            async with asyncio.timeout(self._patience):
                return await self._try(step, attempt)
        except TimeoutError as late:
            note_failure(self._metrics, step, late, given_up=True)
            raise ServiceUnavailable(retry_after_seconds=RETRY_AFTER_SECONDS) from late

    async def _try(self, step: Step, attempt: Callable[[], Awaitable[T]]) -> T:
        started = self._sleeper.elapsed()
        failures: Counter[Step] = Counter()
        stale = 0
        while True:
            try:
                return await attempt()
            except Stale:
                stale += 1
                if stale >= STALE_LOOKUPS:
                    raise
            except (NotCommitted, OutcomeUnknown) as fault:
                await self._wait_or_give_up(fault.step or step, fault, failures, started)

    async def _wait_or_give_up(self, step: Step, fault: TransientError, failures: Counter[Step], started: float) -> None:
        failures[step] += 1
        policy = self._policies[step]
        wait = policy.wait(sum(failures.values()), self._jitter.chance())
        given_up = failures[step] >= policy.attempts or self._sleeper.elapsed() - started + wait > self._patience
        note_failure(self._metrics, step, fault, failures=failures[step], given_up=given_up)
        if given_up:
            raise ServiceUnavailable(retry_after_seconds=RETRY_AFTER_SECONDS) from fault
        await self._sleeper.sleep(wait)
