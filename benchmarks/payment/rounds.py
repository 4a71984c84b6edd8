"""Rounds: so many callers, each paying one booking after another, until the time or the bookings are spent."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from benchmarks.payment.house import Booking

Pay = Callable[[Booking], Awaitable[object]]
PATIENCE = 30.0
"""Seconds after the end of a round in which its last payments have to come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """``latencies`` in seconds, one a payment."""

    seconds: float
    latencies: tuple[float, ...]

    @property
    def paid(self) -> int:
        return len(self.latencies)

    @property
    def rate(self) -> float:
        """Payments a second."""
        return self.paid / self.seconds


async def play(pay: Pay, bookings: Iterator[Booking], *, callers: int, seconds: float) -> Round:
    """A closed loop: each caller asks for the next payment when the last is answered. Raises what a payment raised."""
    latencies: list[float] = []
    gc.collect()
    started = time.perf_counter()
    end = started + seconds

    async def call() -> None:
        while (before := time.perf_counter()) < end and (booking := next(bookings, None)) is not None:
            await pay(booking)
            latencies.append(time.perf_counter() - before)

    async with asyncio.timeout(seconds + PATIENCE), asyncio.TaskGroup() as crowd:
        for _ in range(callers):
            crowd.create_task(call())
    return Round(seconds=time.perf_counter() - started, latencies=tuple(latencies))
