"""Circuits inside this process: the embedded default, and what is left while the shared ones are away."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from adapters.breaker.circuit import CircuitState, Permit, Refusal
from adapters.breaker.policy import BUCKETS, CircuitPolicy, PolicyOf
from application.ports.circuit_breaker import Verdict


@dataclass(slots=True)
class _Bucket:
    number: int
    successes: int = 0
    failures: int = 0


@dataclass(slots=True)
class _Circuit:
    """Times are seconds of a clock that never goes back. ``circuit.lua`` has the same rules."""

    generation: int = 0
    in_a_row: int = 0
    opened_at: float | None = None
    probe: str | None = None
    probe_until: float = 0.0
    window: deque[_Bucket] = field(default_factory=lambda: deque(maxlen=BUCKETS + 1))

    def change(self, opened_at: float | None) -> None:
        self.generation += 1
        self.in_a_row = 0
        self.opened_at = opened_at
        self.probe = None
        self.window.clear()

    def bucket(self, policy: CircuitPolicy, now: float) -> _Bucket:
        number = int(now / policy.bucket_seconds)
        while self.window and self.window[0].number <= number - BUCKETS:
            self.window.popleft()
        if not self.window or self.window[-1].number != number:
            self.window.append(_Bucket(number))
        return self.window[-1]


class LocalCircuits:
    def __init__(self, policy_of: PolicyOf, elapsed: Callable[[], float]) -> None:
        self._policy_of = policy_of
        self._elapsed = elapsed
        self._circuits: dict[str, _Circuit] = {}
        self._probes = count()

    async def enter(self, name: str) -> Permit | Refusal:
        circuit = self._circuits.setdefault(name, _Circuit())
        if circuit.opened_at is None:
            return Permit(name=name, generation=circuit.generation)
        now, policy = self._elapsed(), self._policy_of(name)
        if (wait := circuit.opened_at + policy.open_seconds - now) > 0:
            return Refusal(name=name, retry_after=wait)
        if circuit.probe is not None and (wait := circuit.probe_until - now) > 0:
            return Refusal(name=name, retry_after=wait)
        circuit.probe, circuit.probe_until = str(next(self._probes)), now + policy.probe_seconds
        return Permit(name=name, generation=circuit.generation, probe=circuit.probe)

    async def leave(self, permit: Permit, verdict: Verdict) -> CircuitState | None:
        circuit = self._circuits.setdefault(permit.name, _Circuit())
        if permit.generation != circuit.generation or permit.probe != circuit.probe:
            return None
        if permit.probe is None:
            return self._count(permit.name, circuit, verdict)
        return self._decide(circuit, verdict)

    async def refused_for(self, name: str) -> float | None:
        circuit = self._circuits.get(name)
        if circuit is None or circuit.opened_at is None:
            return None
        wait = circuit.opened_at + self._policy_of(name).open_seconds - self._elapsed()
        return wait if wait > 0 else None

    async def close(self) -> None:
        """Nothing is open."""

    def fail(self, name: str) -> None:
        """A failure that could not be told where the call was let in."""
        circuit = self._circuits.setdefault(name, _Circuit())
        if circuit.opened_at is None:
            self._count(name, circuit, Verdict.FAILURE)

    def forget(self) -> None:
        """They are kept elsewhere again."""
        self._circuits.clear()

    async def start_anew(self, names: Sequence[str]) -> None:
        """These circuits are closed, with nothing counted."""
        for name in names:
            self._circuits.pop(name, None)

    def _count(self, name: str, circuit: _Circuit, verdict: Verdict) -> CircuitState | None:
        if verdict is Verdict.NONE:
            return None
        now, policy = self._elapsed(), self._policy_of(name)
        bucket = circuit.bucket(policy, now)
        if verdict is Verdict.SUCCESS:
            bucket.successes += 1
            circuit.in_a_row = 0
            return None
        bucket.failures += 1
        circuit.in_a_row += 1
        successes, failures = sum(each.successes for each in circuit.window), sum(each.failures for each in circuit.window)
        if not policy.gives_up(circuit.in_a_row, successes, failures):
            return None
        circuit.change(opened_at=now)
        return "opened"

    def _decide(self, circuit: _Circuit, verdict: Verdict) -> CircuitState | None:
        match verdict:
            case Verdict.NONE:
                circuit.probe = None
                return None
            case Verdict.FAILURE:
                circuit.change(opened_at=self._elapsed())
                return "opened"
            case Verdict.SUCCESS:
                circuit.change(opened_at=None)
                return "closed"
