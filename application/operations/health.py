"""Is this process able to serve?"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from application.ports.metrics import Metrics
from application.ports.server_probe import ServerProbe

PATIENCE = 2.0
"""Seconds a server has to answer in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """``ready`` when every server that nothing can be served without answers; the others are told all the same."""

    ready: bool
    servers: Mapping[str, bool]


class Health:
    """``needed`` has to answer; while one of ``helpful`` is away, less works, but it works (the queue's store, the broker)."""

    def __init__(self, needed: Sequence[ServerProbe], helpful: Sequence[ServerProbe], metrics: Metrics, patience: float = PATIENCE) -> None:
        self._needed = needed
        self._helpful = helpful
        self._metrics = metrics
        self._patience = patience

    async def __call__(self) -> Readiness:
        """Asks all of them at once, each with a deadline."""
        probes = [*self._needed, *self._helpful]
        answers = await asyncio.gather(*(self._ask(probe) for probe in probes))
        servers = {probe.server: answer for probe, answer in zip(probes, answers, strict=True)}
        return Readiness(ready=all(servers[probe.server] for probe in self._needed), servers=servers)

    async def _ask(self, probe: ServerProbe) -> bool:
        try:
            answer = await asyncio.wait_for(probe.answers(), self._patience)
        except TimeoutError:
            answer = False
        self._metrics.gauge("concert_ready", float(answer), server=probe.server)
        return answer
