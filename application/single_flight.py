"""Callers who want to know the same thing at the same moment share one question. For reads only."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class FlightCancelled(Exception):
    """The shared question was given up; the caller was not."""


class SingleFlight(Generic[T]):
    """A question is a task of its own: a caller who is cancelled leaves it to the others.

    What a caller is told may be as old as the question that was under way when it came.
    """

    def __init__(self) -> None:
        self._flights: dict[str, asyncio.Task[T]] = {}

    async def __call__(self, key: str, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """``ask`` must not raise: its exception would be everybody's. Raises FlightCancelled."""
        flight = self._flights.get(key)
        if flight is None or flight.done():
            flight = self._flights[key] = asyncio.create_task(ask())
            flight.add_done_callback(lambda done: self._land(key, done))
        await asyncio.wait([flight])
        if flight.cancelled():
            raise FlightCancelled
        return flight.result()

    async def close(self) -> None:
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        if flights:
            await asyncio.wait(flights)

    def _land(self, key: str, flight: asyncio.Task[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
