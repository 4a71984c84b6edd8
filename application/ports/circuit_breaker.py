"""Leaving alone what keeps failing."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Verdict(StrEnum):
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    NONE = "NONE"
    """The call tells nothing about who was called: a cancellation, a refusal, a mistake of ours."""


@dataclass(slots=True)
class GuardedCall:
    """Who makes the call judges it. Unjudged, it is a success when it returns and no verdict when it raises."""

    verdict: Verdict | None = None


class CircuitBreaker(Protocol):
    """One circuit a name, shared by all processes. What keeps its state may be away: that fails no call."""

    def guard(self, name: str) -> AbstractAsyncContextManager[GuardedCall]:
        """Stands around one call. Raises CircuitOpen before it; after the cool-down one call is let through to probe."""
        ...

    async def refused_for(self, name: str) -> float | None:
        """Seconds for which calls are refused for certain; None when one may be tried. Takes no probe."""
        ...
