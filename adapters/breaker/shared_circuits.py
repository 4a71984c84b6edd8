"""Circuits that all processes share, in Redis. One script counts and decides; away or slow, each process goes on alone."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Protocol
from uuid import uuid4

from redis.exceptions import NoScriptError, RedisError

from adapters.breaker.circuit import CircuitState, Permit, Refusal
from adapters.breaker.local_circuits import LocalCircuits
from adapters.breaker.policy import PolicyOf
from application.ports.circuit_breaker import Verdict
from application.ports.metrics import Metrics
from application.single_flight import SingleFlight

log = logging.getLogger(__name__)

SCRIPT = files("adapters.breaker").joinpath("circuit.lua").read_text(encoding="utf-8")
DIGEST = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
UNHEARD_SUCCESSES = 10_000
"""Successes that wait to be told together; more than that are told at once."""


_CHANGES: Mapping[str, CircuitState] = MappingProxyType({"opened": "opened", "closed": "closed"})


class ScriptRunner(Protocol):
    """What is used of a Redis client."""

    def evalsha(self, sha: str, numkeys: int, *keys_and_args: Any) -> Awaitable[Any] | Any: ...

    def delete(self, *names: Any) -> Awaitable[Any] | Any: ...

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Awaitable[Any] | Any: ...


@dataclass(slots=True)
class _Known:
    """What the last answer said, ``at`` a moment of this process; ``until``: the end of a refusal."""

    standing: str
    generation: int
    failures: int
    at: float
    until: float
    unheard: int = 0


@dataclass(frozen=True, slots=True)
class _Answer:
    known: _Known
    changed: CircuitState | None


class SharedCircuits:
    """While a circuit is closed, what was last heard of it holds for ``refresh_seconds``, and successes are told together:
    a call then costs no round trip. A failure is told at once.

    Redis has ``deadline_seconds`` to answer. Where it does not, nobody asks it for ``away_seconds``.
    """

    def __init__(
        self,
        client: ScriptRunner,
        local: LocalCircuits,
        policy_of: PolicyOf,
        elapsed: Callable[[], float],
        metrics: Metrics,
        *,
        prefix: str = "circuit",
        deadline_seconds: float = 0.1,
        refresh_seconds: float = 0.5,
        away_seconds: float = 1.0,
    ) -> None:
        self._client = client
        self._local = local
        self._policy_of = policy_of
        self._elapsed = elapsed
        self._metrics = metrics
        self._prefix = prefix
        self._deadline = deadline_seconds
        self._refresh = refresh_seconds
        self._away = away_seconds
        self._away_until: float | None = None
        self._known: dict[str, _Known] = {}
        self._looks: SingleFlight[_Known | None] = SingleFlight()

    async def enter(self, name: str) -> Permit | Refusal:
        known = await self._what_is_known(name)
        if known is None:
            return await self._local.enter(name)
        if known.standing == "closed":
            return Permit(name=name, generation=known.generation, shared=True)
        if known.standing in ("opened", "probed") and (wait := known.until - self._elapsed()) > 0:
            return Refusal(name=name, retry_after=wait)
        return await self._probe(name)

    async def leave(self, permit: Permit, verdict: Verdict) -> CircuitState | None:
        if not permit.shared:
            return await self._local.leave(permit, verdict)
        if permit.probe is None and (verdict is Verdict.NONE or (verdict is Verdict.SUCCESS and self._can_wait(permit))):
            return None
        answer = await self._ask(permit.name, verdict.lower(), permit.probe or "", permit.generation)
        if answer is None:
            if verdict is Verdict.FAILURE:
                self._local.fail(permit.name)
            return None
        return answer.changed

    async def refused_for(self, name: str) -> float | None:
        known = await self._what_is_known(name)
        if known is None:
            return await self._local.refused_for(name)
        wait = known.until - self._elapsed()
        return wait if known.standing == "opened" and wait > 0 else None

    async def start_anew(self, names: Sequence[str]) -> None:
        """These circuits are closed, with nothing counted, for all processes; here alone while Redis is away."""
        self._known.clear()
        self._local.forget()
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(self._deadline):
                await self._client.delete(*(key for name in names for key in self._keys(name)))

    async def close(self) -> None:
        await self._looks.close()

    def _can_wait(self, permit: Permit) -> bool:
        """Told with whatever is told next; at once, where it ends a row of failures."""
        known = self._known.get(permit.name)
        if known is None or known.generation != permit.generation:
            return True  # began before a change: no news
        if known.failures > 0 or known.unheard >= UNHEARD_SUCCESSES:
            return False
        known.unheard += 1
        return True

    async def _what_is_known(self, name: str) -> _Known | None:
        known = self._known.get(name)
        if known is not None and self._elapsed() - known.at < self._refresh:
            return known
        return await self._looks(name, lambda: self._look(name))

    async def _look(self, name: str) -> _Known | None:
        answer = await self._ask(name, "look")
        return None if answer is None else answer.known

    async def _probe(self, name: str) -> Permit | Refusal:
        token = uuid4().hex
        answer = await self._ask(name, "probe", token)
        if answer is None:
            return await self._local.enter(name)
        known = answer.known
        match known.standing:
            case "half-opened":
                return Permit(name=name, generation=known.generation, probe=token, shared=True)
            case "closed":
                return Permit(name=name, generation=known.generation, shared=True)
        return Refusal(name=name, retry_after=max(known.until - self._elapsed(), 0.0))

    async def _ask(self, name: str, question: str, token: str = "", generation: int | None = None) -> _Answer | None:
        """None while Redis is away. A cancelled question may have been heard: a probe's turn then ends by its lease."""
        if self._away_until is not None and self._elapsed() < self._away_until:
            return None
        before = self._known.get(name)
        told = 0
        if before is not None:
            told, before.unheard = before.unheard, 0
            generation = before.generation if generation is None else generation
        try:
            async with asyncio.timeout(self._deadline):
                answer = await self._run(name, question, token, generation or 0, told)
        except (RedisError, OSError, TimeoutError) as fault:
            self._lose(fault)
            return None
        if self._away_until is not None:
            self._away_until = None
            self._local.forget()
        return self._learn(name, answer, before)

    def _learn(self, name: str, answer: Any, before: _Known | None) -> _Answer:
        standing, generation, failures, wait, changed = answer
        now = self._elapsed()
        known = _Known(_text(standing), int(generation), int(failures), at=now, until=now + int(wait) / 1000)
        if before is not None and before.generation == known.generation:
            known.unheard = before.unheard  # of calls that ended while the answer was under way
        self._known[name] = known
        return _Answer(known, _CHANGES.get(_text(changed)))

    async def _run(self, name: str, question: str, token: str, generation: int, successes: int) -> Any:
        policy = self._policy_of(name)
        keys = self._keys(name)
        durations = [round(1000 * each) for each in (policy.open_seconds, policy.bucket_seconds, policy.probe_seconds)]
        open_ms, bucket_ms, lease_ms = (max(each, 1) for each in durations)
        rules = [policy.threshold, open_ms, bucket_ms, policy.minimum_calls, round(100 * policy.failure_rate), lease_ms]
        arguments = [*keys, question, token, generation, successes, *rules]
        try:
            return await self._client.evalsha(DIGEST, len(keys), *arguments)
        except NoScriptError:
            return await self._client.eval(SCRIPT, len(keys), *arguments)

    def _keys(self, name: str) -> list[str]:
        return [f"{{{self._prefix}:{name}}}:{part}" for part in ("state", "window", "probe")]

    def _lose(self, fault: Exception) -> None:
        if self._away_until is None:
            log.warning("circuits are this process' own while redis is away", extra={"fault": type(fault).__name__})
        self._away_until = self._elapsed() + self._away
        self._metrics.count("concert_circuit_store_faults_total", kind=type(fault).__name__)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
