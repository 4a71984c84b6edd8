"""Circuits between processes, and what a real Redis can do to them."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from adapters.redis.client import connect
from application.ports.circuit_breaker import Verdict
from domain.errors import CircuitOpen
from tests.contracts.circuits import PATIENT, StartProcess, processes_at
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[3]
LONG = replace(PATIENT, open_seconds=60.0)
SHORT = 0.25
"""Seconds that a call gives the server."""


@pytest.fixture
async def start(redis_url: str) -> AsyncIterator[StartProcess]:
    async with processes_at(redis_url) as started:
        yield started


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer.started() as server:
        yield server


async def test_failures_of_two_processes_add_up_and_both_are_refused(start: StartProcess) -> None:
    one, other = start(), start()
    await one.fail(2)
    await other.fail()
    await asyncio.sleep(0.06)  # what one last heard holds for 0.05 seconds
    assert await one.is_open()
    assert await other.is_open()
    assert (one.reached, other.reached) == (2, 1)
    told = [each.metrics.counts.get(("concert_circuit_transitions_total", one.name, "opened"), 0) for each in (one, other)]
    assert told == [0, 1]
    assert (one.metrics.gauges, other.metrics.gauges) == ({("concert_circuit_state", one.name): 2},) * 2


async def test_a_probe_of_one_process_closes_it_for_the_other(start: StartProcess) -> None:
    one, other = start(), start()
    await one.fail(3)
    assert await other.is_open()
    await asyncio.sleep(0.25)
    await other.call()
    await asyncio.sleep(0.06)
    assert not await one.is_open()


async def test_twenty_failures_at_once_in_two_processes_open_it(start: StartProcess) -> None:
    both = start(LONG), start(LONG)
    await asyncio.gather(*(one.call(Verdict.FAILURE, seconds=0.05) for one in both for _ in range(10)))
    assert [one.reached for one in both] == [10, 10]
    assert sum(one.metrics.counts.get(("concert_circuit_transitions_total", one.name, "opened"), 0) for one in both) == 1
    await asyncio.sleep(0.06)
    assert [await one.is_open() for one in both] == [True, True]


async def test_of_two_processes_with_twenty_callers_each_one_call_probes(redis_url: str, start: StartProcess) -> None:
    one = start()
    await one.fail(3)
    command = [sys.executable, "-m", "tests.adapters.breaker.prober", redis_url, one.name]
    pipe = asyncio.subprocess.PIPE
    probers = [await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe) for _ in range(2)]
    for prober in probers:
        assert prober.stdout is not None
        assert await prober.stdout.readline() == b"ready\n"
    await asyncio.sleep(1.0)  # the cool-down is over, however fast the probers came
    reached = [int(output) for output, _ in await asyncio.gather(*(prober.communicate(b"go\n") for prober in probers))]
    assert sorted(reached) == [0, 1]


async def test_while_closed_calls_cost_no_round_trip(start: StartProcess, redis_url: str) -> None:
    one = start(refresh_seconds=30.0)
    await one.call()
    store = connect(redis_url)
    before = await _scripts_run(store.client)
    for _ in range(1000):
        await one.call()
    assert await _scripts_run(store.client) - before == 0
    await one.fail()
    assert await _scripts_run(store.client) - before == 1
    # Told together, with the failure.
    assert sum(int(each) for each in await store.client.hvals(f"{{circuit:{one.name}}}:window")) == 1002
    await store.close()


async def test_everything_kept_expires(start: StartProcess, redis_url: str) -> None:
    one = start()
    await one.fail(3)
    await asyncio.sleep(0.25)
    probing = asyncio.create_task(one.call(seconds=0.2))
    await asyncio.sleep(0.05)
    store = connect(redis_url)
    keys = [key async for key in store.client.scan_iter(match=f"*{one.name}*")]
    assert sorted(keys) == [f"{{circuit:{one.name}}}:{part}".encode() for part in ("probe", "state")]
    assert [await store.client.pttl(key) > 0 for key in keys] == [True, True]
    await probing
    await one.fail()
    window = f"{{circuit:{one.name}}}:window"
    assert 0 < await store.client.pttl(window) <= 11_000
    await store.close()


async def test_a_killed_server_fails_no_call_and_the_own_circuit_still_opens(server: RedisServer) -> None:
    async with processes_at(server.url) as start:
        one = start(LONG, deadline_seconds=3.0)
        await one.fail(2)
        server.kill()
        await asyncio.sleep(0.06)
        await one.call()
        await one.fail(3)
        reached = one.reached
        with pytest.raises(CircuitOpen):
            await one.call()
        assert (reached, one.reached) == (6, 6)
        assert sum(count for (name, *_), count in one.metrics.counts.items() if name == "concert_circuit_store_faults_total") >= 1
        server.start()
        async with asyncio.timeout(5):
            while await one.is_open():  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.1)
        # What the server has kept stands again: a row of two.
        await one.fail()
        assert await one.is_open()
        assert await start(LONG, deadline_seconds=3.0).is_open()


async def test_a_hanging_server_delays_one_call_a_second_and_no_more(server: RedisServer) -> None:
    """Were each call to wait for it, they would take many times as long."""
    async with processes_at(server.url) as start:
        one = start(LONG, deadline_seconds=SHORT)
        await one.call()
        await asyncio.sleep(0.06)
        server.pause()
        try:
            began = time.monotonic()
            for _ in range(101):
                await one.call()
            assert time.monotonic() - began < 20 * SHORT
            await one.fail(3)
            with pytest.raises(CircuitOpen):
                await one.call()
            await asyncio.sleep(1.0)
            began = time.monotonic()
            ends = await asyncio.gather(*(one.call() for _ in range(50)), return_exceptions=True)
            assert time.monotonic() - began < 20 * SHORT
            assert all(isinstance(end, CircuitOpen) for end in ends)
        finally:
            server.resume()


async def test_a_server_that_forgot_everything_is_asked_anew(start: StartProcess, redis_url: str) -> None:
    one = start(LONG)
    await one.fail(3)
    store = connect(redis_url)
    await store.client.delete(*[f"{{circuit:{one.name}}}:{part}" for part in ("state", "window", "probe")])
    await store.client.script_flush()
    await store.close()
    await asyncio.sleep(0.06)
    assert not await one.is_open()
    await one.fail(3)
    assert await one.is_open()


async def _scripts_run(client: Redis) -> int:
    found: Any = await client.info("commandstats")
    return int(found.get("cmdstat_evalsha", {}).get("calls", 0))
