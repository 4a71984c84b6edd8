"""Waiting a little for something that is decided elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from application.ports.sleeper import Sleeper
from domain.errors import TransientError

T = TypeVar("T")

FIRST_LOOK = 0.05
SLOWEST_LOOK = 0.5
LAST_LOOK_SECONDS = 0.25
"""That a look is given even where the patience has almost run out."""


class Patience:
    """``seconds`` that a caller waits before being told to watch instead."""

    def __init__(self, sleeper: Sleeper, seconds: float = 4.0) -> None:
        self._sleeper = sleeper
        self._seconds = seconds

    async def until(self, is_end: Callable[[T], bool], look: Callable[[], Awaitable[T | None]]) -> T | None:
        """What was seen last: an end, unless the patience ran out; None if nothing was ever seen. Looks at growing intervals.

        A look that hangs is given up in time: the caller hears ``LAST_LOOK_SECONDS`` after the patience has run out.
        """
        started, wait = self._sleeper.elapsed(), FIRST_LOOK
        seen: T | None = None
        while True:
            left = self._seconds - (self._sleeper.elapsed() - started)
            with suppress(TransientError, TimeoutError):  # what was seen before stands; the next look may do better
                async with asyncio.timeout(max(left, LAST_LOOK_SECONDS)):
                    seen = await look() or seen
            if (seen is not None and is_end(seen)) or self._sleeper.elapsed() - started + wait > self._seconds:
                return seen
            await self._sleeper.sleep(wait)
            wait = min(wait * 2, SLOWEST_LOOK)
