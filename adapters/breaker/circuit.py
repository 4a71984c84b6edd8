"""What is said at the door of a circuit, and at its exit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from application.ports.circuit_breaker import Verdict

CircuitState = Literal["closed", "opened", "half-opened"]
"""purgatory's names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """A call that may be made. ``generation`` tells the times between two changes of state apart: a call that began in
    another one is no news. ``probe`` names the one call that decides whether the circuit closes.
    """

    name: str
    generation: int
    probe: str | None = None
    shared: bool = False
    """Given out by what all processes share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    name: str
    retry_after: float


class Circuits(Protocol):
    """Where circuits' states are kept. Neither raises nor waits for long."""

    async def enter(self, name: str) -> Permit | Refusal: ...

    async def leave(self, permit: Permit, verdict: Verdict) -> CircuitState | None:
        """The state that this verdict has led to, if it has changed it."""
        ...

    async def refused_for(self, name: str) -> float | None:
        """Seconds for which calls are refused for certain."""
        ...

    async def start_anew(self, names: Sequence[str]) -> None:
        """Closed, with nothing counted: for the scenarios of failures, none of which shall suffer from the one before."""
        ...
