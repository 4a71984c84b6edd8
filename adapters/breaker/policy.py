"""When a circuit opens, and for how long. Read anew at each call: nothing of it is kept with the state."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

BUCKETS = 10
"""Parts of the rolling window; the oldest is forgotten as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitPolicy:
    """Opens after ``threshold`` failures in a row, or when of at least ``minimum_calls`` in the last ``window_seconds`` the
    share ``failure_rate`` has failed. A success slower than ``slow_seconds`` is a failure.

    ``open_seconds`` after that one call probes; its turn is over after ``probe_seconds``, which has to be longer than a
    call can take.
    """

    threshold: int = 5
    open_seconds: float = 30.0
    slow_seconds: float = 10.0
    window_seconds: float = 60.0
    minimum_calls: int = 20
    failure_rate: float = 0.5
    probe_seconds: float = 90.0

    @property
    def bucket_seconds(self) -> float:
        return self.window_seconds / BUCKETS

    def gives_up(self, in_a_row: int, successes: int, failures: int) -> bool:
        calls = successes + failures
        return in_a_row >= self.threshold or (calls >= self.minimum_calls and failures >= ceil(self.failure_rate * calls))


PolicyOf = Callable[[str], CircuitPolicy]


def policies(named: Mapping[str, CircuitPolicy], default: CircuitPolicy) -> PolicyOf:
    return lambda name: named.get(name, default)
