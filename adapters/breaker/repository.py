"""purgatory's side: its contexts and its repository, over circuits of ours."""

from dataclasses import dataclass
from math import inf

from purgatory.domain.messages import Event
from purgatory.domain.messages.events import ContextChanged
from purgatory.domain.model import Context
from purgatory.service._async.repository import AsyncAbstractRepository
from purgatory.service._async.unit_of_work import AsyncAbstractUnitOfWork

from adapters.breaker.circuit import Circuits, Permit, Refusal
from adapters.breaker.policy import PolicyOf
from application.ports.circuit_breaker import Verdict


@dataclass(frozen=True)
class CallEnded(Event):
    permit: Permit
    verdict: Verdict


class OneCall(Context):
    """purgatory's context of a single call. Its state at the door is the circuit's; at its exit it passes on a verdict,
    where purgatory would take every exception for a failure and every excluded one for a success.
    """

    def __init__(self, name: str, entry: Permit | Refusal, threshold: int, ttl: float) -> None:
        self.entry = entry
        self.verdict = Verdict.NONE
        if isinstance(entry, Refusal):
            # Opened for ever, as far as purgatory's own clock is asked: whether the time is over has been decided.
            super().__init__(name, threshold, ttl, "opened", opened_at=inf)
        else:
            super().__init__(name, threshold, ttl, "closed" if entry.probe is None else "half-opened")

    def handle_exception(self, exc: BaseException) -> None:
        self.handle_end_request()

    def handle_end_request(self) -> None:
        if isinstance(self.entry, Permit):
            self.messages.append(CallEnded(self.entry, self.verdict))


class CircuitRepository(AsyncAbstractRepository):
    def __init__(self, circuits: Circuits, policy_of: PolicyOf) -> None:
        self.messages = []
        self._circuits = circuits
        self._policy_of = policy_of

    async def get(self, name: str) -> OneCall:
        policy = self._policy_of(name)
        return OneCall(name, await self._circuits.enter(name), policy.threshold, policy.open_seconds)

    async def settle(self, ended: CallEnded) -> None:
        """A change of state is told through purgatory's own event, once among all processes."""
        changed = await self._circuits.leave(ended.permit, ended.verdict)
        if changed is not None:
            self.messages.append(ContextChanged(ended.permit.name, changed, None))

    async def register(self, context: Context) -> None:
        """Every name has a circuit."""

    async def update_state(self, name: str, state: str, opened_at: float | None) -> None:
        """Nothing to do: the event tells of what is written already."""

    async def inc_failures(self, name: str, failure_count: int) -> None:
        """Nothing to do: counted where it is decided."""

    async def reset_failure(self, name: str) -> None:
        """Nothing to do: counted where it is decided."""


class CircuitUnitOfWork(AsyncAbstractUnitOfWork):
    def __init__(self, circuits: Circuits, policy_of: PolicyOf) -> None:
        self.contexts: CircuitRepository = CircuitRepository(circuits, policy_of)

    async def commit(self) -> None:
        """Each question is whole in itself."""

    async def rollback(self) -> None:
        """Each question is whole in itself."""


async def settle(ended: CallEnded, unit_of_work: AsyncAbstractUnitOfWork) -> None:
    if isinstance(unit_of_work, CircuitUnitOfWork):
        await unit_of_work.contexts.settle(ended)
