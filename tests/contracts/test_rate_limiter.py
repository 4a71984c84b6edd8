"""Turns at a provider, whoever gives them out."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import uuid4

import pytest

from adapters.embedded.redis import embedded_redis, process_marker
from adapters.redis.client import connect
from adapters.redis.rate_limiter import Rate, RedisRateLimiter
from adapters.redis.store import RedisStore
from adapters.system.sleeper import AsyncioSleeper
from domain.errors import RateLimited
from tests.contracts.circuits import Counted
from tests.servers.redis import RedisServer

Start = Callable[[], "Caller"]
RATE = Rate(per_second=50, burst=5, patience_seconds=0.2)


@dataclass
class Caller:
    """A process that calls one provider."""

    provider: str
    limiter: RedisRateLimiter

    async def take_turn(self) -> None:
        await self.limiter.take_turn(self.provider)

    async def pause(self, seconds: float) -> None:
        await self.limiter.pause(self.provider, seconds)

    async def turns(self, number: int) -> tuple[int, list[float]]:
        """How many of so many calls at once were let through, and the waits told to the others."""
        ends = await asyncio.gather(*(self.take_turn() for _ in range(number)), return_exceptions=True)
        return sum(end is None for end in ends), [end.retry_after for end in ends if isinstance(end, RateLimited)]


def calling(store: RedisStore | None, provider: str) -> Caller:
    return Caller(provider, RedisRateLimiter(store, {provider: RATE}, AsyncioSleeper(), Counted()))


@pytest.fixture(params=["local", "embedded", pytest.param("redis", marks=pytest.mark.real)])
async def start(request: pytest.FixtureRequest) -> AsyncIterator[Start]:
    """Limiters as two processes have them, each over connections of its own; the local one is one and the same."""
    async with AsyncExitStack() as stack:
        provider = uuid4().hex

        def start() -> Caller:
            match request.param:
                case "local":
                    return alone
                case "embedded":
                    return calling(in_process, provider)
                case _:
                    store = connect(request.getfixturevalue("redis_url"))
                    stack.push_async_callback(store.close)
                    return calling(store, provider)

        alone = calling(None, provider)
        in_process = RedisStore(embedded_redis(), process_marker)
        stack.push_async_callback(in_process.close)
        yield start


async def test_a_burst_passes_and_the_rest_follow_one_by_one(start: Start) -> None:
    caller = start()
    began = time.monotonic()
    assert await caller.turns(5) == (5, [])
    assert time.monotonic() - began < 0.1
    assert await caller.turns(5) == (5, [])
    assert time.monotonic() - began >= 0.099


async def test_who_would_wait_too_long_is_refused_and_takes_no_turn(start: Start) -> None:
    caller = start()
    through, waits = await caller.turns(60)
    # A burst of five, and the ten turns of the next 0.2 seconds; a slow machine lets time pass meanwhile.
    assert 15 <= through <= 30
    assert len(waits) == 60 - through
    assert all(0.2 < wait <= 0.22 for wait in waits)
    assert (await caller.turns(1))[0] == 1


async def test_two_processes_share_one_rate(start: Start) -> None:
    both = start(), start()
    began = time.monotonic()
    ends = await asyncio.gather(*(one.turns(10) for one in both))
    assert sum(through for through, _ in ends) + sum(len(waits) for _, waits in ends) == 20
    assert 15 <= sum(through for through, _ in ends) <= 20
    assert time.monotonic() - began >= 0.19


async def test_a_provider_that_asks_for_a_pause_gets_it_from_everyone(start: Start) -> None:
    one, other = start(), start()
    await one.pause(0.5)
    await one.pause(0.1)  # the longer one holds
    for caller in (one, other):
        with pytest.raises(RateLimited) as refused:
            await caller.take_turn()
        assert 0.4 < refused.value.retry_after <= 0.5
        assert refused.value.name == caller.provider
    await asyncio.sleep(0.35)
    began = time.monotonic()
    await other.take_turn()
    assert 0.05 < time.monotonic() - began < 0.2


@pytest.mark.real
async def test_without_its_server_each_process_keeps_to_the_rate_alone() -> None:
    with RedisServer.started() as server:
        store = connect(server.url, timeout_seconds=0.05)
        caller = calling(store, uuid4().hex)
        await caller.take_turn()
        server.kill()
        through, waits = await caller.turns(100)
        assert 15 <= through <= 30
        assert len(waits) == 100 - through
        await caller.pause(5.0)
        server.start()
        server.pause()
        began = time.monotonic()
        await asyncio.sleep(1.0)
        with pytest.raises(RateLimited):
            await caller.take_turn()
        assert time.monotonic() - began < 1.5
        server.resume()
        await store.close()


@pytest.mark.real
async def test_nothing_of_it_stays(redis_url: str) -> None:
    store = connect(redis_url)
    caller = calling(store, uuid4().hex)
    await caller.turns(10)
    await caller.pause(0.05)
    await asyncio.sleep(0.5)
    assert [key async for key in store.client.scan_iter(match=f"*{caller.provider}*")] == []
    await store.close()


@pytest.mark.real
async def test_a_burst_asks_together_over_one_connection(caplog: pytest.LogCaptureFixture) -> None:
    """Were each to ask alone, some would wait in vain for a connection, and take Redis for away."""
    with RedisServer.started() as server:
        store = connect(server.url, connections=1, timeout_seconds=0.1)
        caller = calling(store, uuid4().hex)
        await caller.take_turn()
        before = await _scripts_run(store)
        through, waits = await caller.turns(400)
        assert through + len(waits) == 400
        assert await _scripts_run(store) - before <= 3
        assert caplog.messages == []
        await store.close()


async def _scripts_run(store: RedisStore) -> int:
    statistics = await store.client.info("commandstats")
    return sum(statistics.get(f"cmdstat_{command}", {}).get("calls", 0) for command in ("eval", "evalsha"))
