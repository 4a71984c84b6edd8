"""The port of the circuit breaker, by purgatory."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import MappingProxyType
from typing import Any

from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.messages.events import ContextChanged
from purgatory.domain.model import OpenedState

from adapters.breaker.circuit import Circuits, CircuitState, Permit, Refusal
from adapters.breaker.policy import PolicyOf
from adapters.breaker.repository import CallEnded, CircuitUnitOfWork, OneCall, settle
from application.ports.circuit_breaker import GuardedCall, Verdict
from application.ports.metrics import Metrics
from domain.errors import CircuitOpen

SHOWN_AS: Mapping[CircuitState, int] = MappingProxyType({"closed": 0, "half-opened": 1, "opened": 2})


class PurgatoryCircuitBreaker:
    """A CircuitBreaker. Nobody but the metrics listens to purgatory: a listener that raised would replace the call's own error."""

    def __init__(self, circuits: Circuits, policy_of: PolicyOf, elapsed: Callable[[], float], metrics: Metrics) -> None:
        self._circuits = circuits
        self._policy_of = policy_of
        self._elapsed = elapsed
        self._metrics = metrics
        self._shown: dict[str, CircuitState] = {}
        self._factory = AsyncCircuitBreakerFactory(uow=CircuitUnitOfWork(circuits, policy_of))
        self._factory.messagebus.add_listener(CallEnded, settle)
        self._factory.add_listener(self._hear)

    def guard(self, name: str) -> AbstractAsyncContextManager[GuardedCall]:
        return self._guard(name)

    async def refused_for(self, name: str) -> float | None:
        return await self._circuits.refused_for(name)

    @asynccontextmanager
    async def _guard(self, name: str) -> AsyncIterator[GuardedCall]:
        breaker = await self._factory.get_breaker(name)
        context = breaker.context
        assert isinstance(context, OneCall)
        call = GuardedCall()
        try:
            await breaker.__aenter__()
        except OpenedState:
            raise self._refused(name, context.entry) from None
        self._show(name, _state_of(context.entry))
        started = self._elapsed()
        try:
            yield call
        except BaseException as fault:
            context.verdict = call.verdict or Verdict.NONE
            await breaker.__aexit__(type(fault), fault, fault.__traceback__)
            raise
        context.verdict = self._on_time(name, call.verdict or Verdict.SUCCESS, started)
        await breaker.__aexit__(None, None, None)

    def _on_time(self, name: str, verdict: Verdict, started: float) -> Verdict:
        slow = verdict is Verdict.SUCCESS and self._elapsed() - started > self._policy_of(name).slow_seconds
        return Verdict.FAILURE if slow else verdict

    def _refused(self, name: str, entry: Permit | Refusal) -> CircuitOpen:
        self._show(name, "opened")
        self._metrics.count("concert_circuit_rejections_total", circuit=name)
        wait = entry.retry_after if isinstance(entry, Refusal) else 0.0
        return CircuitOpen(name, retry_after=min(wait, self._policy_of(name).open_seconds))

    def _hear(self, name: str, kind: str, event: Any) -> None:
        if isinstance(event, ContextChanged):
            self._metrics.count("concert_circuit_transitions_total", circuit=name, state=event.state)
            self._show(name, event.state)

    def _show(self, name: str, state: CircuitState) -> None:
        if self._shown.get(name) is not state:
            self._shown[name] = state
            self._metrics.gauge("concert_circuit_state", SHOWN_AS[state], circuit=name)


def _state_of(entry: Permit | Refusal) -> CircuitState:
    if isinstance(entry, Refusal):
        return "opened"
    return "closed" if entry.probe is None else "half-opened"
