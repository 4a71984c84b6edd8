"""Faults inside the process, at its ports: for the features alone, where ``CONCERT_FAULTS=true`` says so; production refuses it.

``/simulator/ports/faults``: POST one or a list of ``PortFault`` as JSON; GET those that are set and what has been reached;
DELETE all. ``/simulator/ports/circuits``: DELETE what they have counted, and they are closed. ``at`` is one of

- a listener before the commit, such as ``issue_tickets``: it does its part, then the step fails;
- a transaction, such as ``PayWithPoints``: it fails at its COMMIT;
- a port's call, such as ``publisher.publish``: see ``PORTS``.
"""

import asyncio
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from dependency_injector import providers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from adapters.breaker.circuit import Circuits
from application.event_listeners import LISTENERS
from application.ports.message_publisher import Published
from application.ports.unit_of_work import ResultT, Transaction, UnitOfWork
from application.transactor import Listeners, Transactor
from application.work import Work
from domain.errors import BrokerUnavailable, ChannelUnavailable, NotCommitted, OutcomeUnknown, Step
from domain.events import Event
from entrypoints.container import Container
from entrypoints.protection import CIRCUITS

PORTS: Mapping[str, Mapping[str, type[Exception]]] = {
    "publisher": {"publish": BrokerUnavailable},
    "outbox": {"mark_published": OutcomeUnknown},
    "notifications": {"mark_sent": OutcomeUnknown},
    "guarded_alimtalk": {"send": ChannelUnavailable},
}
"""Port (as the container names it) → its calls that can be broken, and what each raises then."""
STEPS = {"issue_tickets": Step.TICKET_ISSUANCE, "deduct_points": Step.POINT_DEDUCTION, "append_outbox_message": Step.OUTBOX}
REMEMBERED = 10_000


class PortFaultKind(StrEnum):
    FAIL = "fail"
    """Nothing is done; what the port raises for that is raised."""
    LOSE_ANSWER = "lose-answer"
    """It is done, and nobody hears so. Not for listeners, which have no answer."""
    HANG = "hang"
    """Begins only after ``seconds``. Not for listeners, which cannot wait."""
    BUG = "bug"
    """Raises what nobody foresees; nothing is done."""
    DIE = "die"
    """The process is killed before it is done."""
    DIE_AFTER = "die-after"
    """The process is killed after it was done."""
    REFUSE = "refuse"
    """The publisher's: each message is refused for what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortFault:
    """``times`` None: until it is taken away."""

    at: str
    kind: PortFaultKind
    times: int | None = 1
    seconds: float = 1.0


class PortFaults:
    """Those that are set, taken in their order; and who has reached what when, to count tries and measure waits by."""

    def __init__(self) -> None:
        self._set: list[tuple[PortFault, int | None]] = []
        self._reached: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)

    def take(self, at: str, subject: object) -> PortFault | None:
        self._reached.append({"at": at, "subject": f"{id(subject):x}", "moment": time.monotonic()})
        for index, (fault, left) in enumerate(self._set):
            if fault.at == at:
                if left is not None and left <= 1:
                    del self._set[index]
                elif left is not None:
                    self._set[index] = (fault, left - 1)
                return fault
        return None

    async def answer(self, request: Request) -> Response:
        """JSON by its content type only: no page of another site can set them."""
        if request.method == "DELETE":
            self._set.clear()
            self._reached.clear()
        if request.method == "POST":
            if not request.headers.get("content-type", "").startswith("application/json"):
                return JSONResponse({"error": "application/json"}, status_code=415)
            try:
                given = await request.json()
                added = [_read(one) for one in (given if isinstance(given, list) else [given])]
            except (ValueError, TypeError) as problem:
                return JSONResponse({"error": str(problem)}, status_code=400)
            self._set.extend((fault, fault.times) for fault in added)
        return JSONResponse({"faults": [asdict(fault) | {"times": left} for fault, left in self._set], "reached": list(self._reached)})

    def routes(self, circuits: Circuits) -> list[BaseRoute]:
        async def forget(request: Request) -> Response:
            await circuits.start_anew(CIRCUITS)
            return Response(status_code=204)

        return [
            Route("/simulator/ports/faults", self.answer, methods=["GET", "POST", "DELETE"]),
            Route("/simulator/ports/circuits", forget, methods=["DELETE"]),
        ]


def _read(given: Any) -> PortFault:
    """From JSON. Raises ValueError, TypeError."""
    return PortFault(**{**given, "kind": PortFaultKind(given["kind"])} if isinstance(given, dict) and "kind" in given else {})


def install(container: Container, faults: PortFaults) -> None:
    """Before anything that stands on these ports was made."""
    container.unit_of_work.override(providers.Object(_FaultyUnitOfWork(container.unit_of_work(), faults)))
    listeners = {event: _faulty(heard, faults) for event, heard in LISTENERS.items()}
    container.transactor.override(
        providers.Singleton(Transactor, container.unit_of_work, providers.Object(listeners), container.hints, container.metrics)
    )
    for name, calls in PORTS.items():
        provider = getattr(container, name)
        provider.override(providers.Object(_FaultyPort(provider(), name, calls, faults)))


def _faulty(heard: Listeners, faults: PortFaults) -> Listeners:
    return Listeners(before_commit=tuple(_failing(listener, faults) for listener in heard.before_commit), after_commit=heard.after_commit)


def _failing(listener: Callable[[Any, Work], None], faults: PortFaults) -> Callable[[Any, Work], None]:
    name = listener.__name__

    def hear(event: Event, work: Work) -> None:
        listener(event, work)
        match faults.take(name, event):
            case PortFault(kind=PortFaultKind.FAIL):
                raise NotCommitted(f"a fault at {name}", step=STEPS.get(name))
            case PortFault(kind=PortFaultKind.DIE):
                _die()
            case PortFault():
                raise RuntimeError(f"a fault at {name}")

    return hear


class _FaultyUnitOfWork:
    def __init__(self, unit_of_work: UnitOfWork, faults: PortFaults) -> None:
        self._unit_of_work = unit_of_work
        self._faults = faults

    async def run(self, transaction: Transaction[ResultT]) -> ResultT:
        """Under whatever is wrapped around it."""
        inner: Any = transaction
        while hasattr(inner, "transaction"):
            inner = inner.transaction
        name = type(inner).__name__
        fault = self._faults.take(name, inner)
        await _before(fault, NotCommitted(f"a fault at {name}"))
        result = await self._unit_of_work.run(transaction)
        _afterwards(fault, OutcomeUnknown(f"a fault at {name}"))
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._unit_of_work, name)


class _FaultyPort:
    def __init__(self, port: Any, name: str, calls: Mapping[str, type[Exception]], faults: PortFaults) -> None:
        self._port = port
        self._name = name
        self._calls = calls
        self._faults = faults

    def __getattr__(self, call: str) -> Any:
        plain = getattr(self._port, call)
        if call not in self._calls:
            return plain
        at, raised = f"{self._name}.{call}", self._calls[call]

        async def faulty(*arguments: Any, **named: Any) -> Any:
            fault = self._faults.take(at, arguments)
            if fault is not None and fault.kind is PortFaultKind.REFUSE:
                return Published(refused={message.id: "INJECTED" for message in arguments[0]})
            await _before(fault, raised(f"a fault at {at}"))
            result = await plain(*arguments, **named)
            _afterwards(fault, raised(f"a fault at {at}"))
            return result

        return faulty


async def _before(fault: PortFault | None, failure: Exception) -> None:
    match fault:
        case PortFault(kind=PortFaultKind.FAIL):
            raise failure
        case PortFault(kind=PortFaultKind.BUG):
            raise RuntimeError(f"a bug at {fault.at}")
        case PortFault(kind=PortFaultKind.HANG):
            await asyncio.sleep(fault.seconds)
        case PortFault(kind=PortFaultKind.DIE):
            _die()


def _afterwards(fault: PortFault | None, lost: Exception) -> None:
    match fault:
        case PortFault(kind=PortFaultKind.LOSE_ANSWER):
            raise lost
        case PortFault(kind=PortFaultKind.DIE_AFTER):
            _die()


def _die() -> None:
    """As by ``kill -9``: nothing is closed, rolled back or told to anyone."""
    os.kill(os.getpid(), signal.SIGKILL)
