"""The roles that work behind the API, each in a loop that is never silent and never ends by itself."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from adapters.telemetry.logs import correlate
from application.failures import count_failure, kind_of
from application.ports.jitter import Jitter
from application.ports.metrics import Metrics
from application.ports.sleeper import Sleeper
from domain.errors import ServiceUnavailable, TransientError
from domain.retry_policy import RetryPolicy

log = logging.getLogger(__name__)

RESTARTS = RetryPolicy(attempts=1, base=0.2, cap=10.0)
"""The waits after failures in a row; a role has any number of attempts."""


class Waker(Protocol):
    def set(self) -> None: ...

    async def wait(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """``work`` is one pass and says how much it dealt with; after an empty one the role waits for ``wake`` or ``idle_seconds``.

    ``eager``: a pass that found work is followed by the next at once.
    """

    name: str
    work: Callable[[], Awaitable[int]]
    wake: Waker
    idle_seconds: float
    eager: bool = True


class Supervisor:
    """Keeps roles going: a pass that fails is logged and counted, and the role starts again after a jittered wait."""

    def __init__(self, roles: Sequence[Role], sleeper: Sleeper, jitter: Jitter, metrics: Metrics, drain_seconds: float) -> None:
        self._roles = roles
        self._sleeper = sleeper
        self._jitter = jitter
        self._metrics = metrics
        self._drain_seconds = drain_seconds
        self._stopping = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._loops = [asyncio.create_task(self._keep_going(role), name=f"role {role.name}") for role in self._roles]

    async def stop(self) -> None:
        """Lets each role finish the pass it is in, within the time to drain; what then still runs is cancelled."""
        self._stopping.set()
        for role in self._roles:
            role.wake.set()
        if not self._loops:
            return
        _, late = await asyncio.wait(self._loops, timeout=self._drain_seconds)
        for loop in late:
            log.warning("a role did not end in time and is cancelled", extra={"task": loop.get_name()})
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)

    async def _keep_going(self, role: Role) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                handled = await self._pass(role)
            except Exception as fault:
                failures += 1
                self._note(role, fault, failures)
                await self._wait(RESTARTS.wait(min(failures, 10), self._jitter.chance()))
                continue
            failures = 0
            if not (handled and role.eager):
                await role.wake.wait(role.idle_seconds)

    async def _pass(self, role: Role) -> int:
        """Under a correlation id of its own."""
        correlate(uuid4().hex)
        started = self._sleeper.elapsed()
        handled = await role.work()
        if handled:
            self._metrics.observe("concert_role_pass_seconds", self._sleeper.elapsed() - started, role=role.name)
            self._metrics.count("concert_role_handled_total", handled, role=role.name)
        return handled

    def _note(self, role: Role, fault: Exception, failures: int) -> None:
        """Trouble that is expected gets a line when it begins, a crash each time it happens."""
        kind = type(fault).__name__
        self._metrics.count("concert_role_crashes_total", role=role.name, kind=kind)
        if not isinstance(fault, ServiceUnavailable):  # whose failures were counted one by one
            count_failure(self._metrics, role.name, kind_of(fault))
        extra = {"role": role.name, "kind": kind, "failures": failures}
        if not isinstance(fault, TransientError | ServiceUnavailable):
            log.error("a role crashed and is started again", extra=extra, exc_info=fault)
        elif failures == 1:
            cause = fault.__cause__
            detail = f"{fault}: {type(cause).__name__}: {cause}" if cause else str(fault)
            log.warning("a role cannot do its work at the moment", extra={**extra, "detail": detail})

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
