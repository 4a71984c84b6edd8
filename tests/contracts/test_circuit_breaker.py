"""What every circuit does, wherever its state is kept."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.embedded.redis import embedded_redis
from application.ports.circuit_breaker import Verdict
from domain.errors import ChannelUnavailable, CircuitOpen, SalesClosed, SalesClosedReason
from tests.contracts.circuits import PATIENT, StartProcess, one_process, processes_at, processes_on
from tests.memory import least_growth


@pytest.fixture(params=["local", "embedded", pytest.param("redis", marks=pytest.mark.real)])
async def start(request: pytest.FixtureRequest) -> AsyncIterator[StartProcess]:
    match request.param:
        case "local":
            places = one_process()
        case "embedded":
            places = processes_on(embedded_redis())
        case _:
            places = processes_at(request.getfixturevalue("redis_url"))
    async with places as started:
        yield started


async def test_failures_in_a_row_open_it_and_then_nothing_is_called(start: StartProcess) -> None:
    one = start()
    await one.fail(2)
    assert not await one.is_open()
    await one.fail()
    assert one.reached == 4
    with pytest.raises(CircuitOpen) as refused:
        await one.call()
    assert one.reached == 4
    assert refused.value.name == one.name
    assert 0.0 < refused.value.retry_after <= 0.2
    assert one.metrics.counts["concert_circuit_rejections_total", one.name] == 1
    assert one.metrics.counts["concert_circuit_transitions_total", one.name, "opened"] == 1
    assert one.metrics.gauges["concert_circuit_state", one.name] == 2


async def test_a_success_between_them_begins_the_row_anew(start: StartProcess) -> None:
    one = start()
    for _ in range(4):
        await one.fail(2)
        await one.call()
    assert not await one.is_open()


async def test_each_refusal_is_an_exception_of_its_own(start: StartProcess) -> None:
    one = start()
    await one.fail(3)
    seen = []
    for _ in range(3):
        with pytest.raises(CircuitOpen) as refused:
            await one.call()
        seen.append(refused.value)
    assert len({id(each) for each in seen}) == 3
    assert len(set(map(hash, seen))) == 3
    depths = []
    for each in seen:
        depth, traceback = 0, each.__traceback__
        while traceback is not None:
            depth, traceback = depth + 1, traceback.tb_next
        depths.append(depth)
    assert len(set(depths)) == 1


async def test_twenty_failures_at_once_open_it(start: StartProcess) -> None:
    one = start()
    await asyncio.gather(*(one.call(Verdict.FAILURE, seconds=0.02) for _ in range(20)))
    assert one.reached == 20
    assert await one.is_open()
    assert one.metrics.counts["concert_circuit_transitions_total", one.name, "opened"] == 1


async def test_what_nobody_judged_is_a_success_when_it_returns_and_nothing_when_it_raises(start: StartProcess) -> None:
    one = start()
    for _ in range(10):
        with pytest.raises(SalesClosed):
            await one.call(raising=SalesClosed(SalesClosedReason.ENDED))
    assert not await one.is_open()
    for _ in range(3):
        with pytest.raises(ChannelUnavailable, match="away"):
            await one.call(Verdict.FAILURE, raising=ChannelUnavailable("away"))
    assert await one.is_open()


async def test_a_storm_of_cancellations_opens_nothing(start: StartProcess) -> None:
    one = start()
    calls = [asyncio.create_task(one.call(seconds=30)) for _ in range(50)]
    await asyncio.sleep(0.1)
    assert one.reached == 50
    for call in calls:
        call.cancel()
    assert all(isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*calls, return_exceptions=True))
    assert not await one.is_open()
    assert one.metrics.counts == {}


async def test_after_the_cool_down_one_call_alone_probes_and_its_success_closes(start: StartProcess) -> None:
    one = start()
    await one.fail(3)
    await asyncio.sleep(0.25)
    one.reached = one.peak = 0
    ends = await asyncio.gather(*(one.call(seconds=0.05) for _ in range(20)), return_exceptions=True)
    assert (one.reached, one.peak) == (1, 1)
    assert sum(isinstance(end, CircuitOpen) for end in ends) == 19
    assert one.metrics.counts["concert_circuit_transitions_total", one.name, "closed"] == 1
    assert one.metrics.gauges["concert_circuit_state", one.name] == 0
    await asyncio.gather(*(one.call() for _ in range(20)))
    assert one.reached == 21


async def test_a_probe_that_fails_opens_it_for_another_cool_down(start: StartProcess) -> None:
    one = start()
    await one.fail(3)
    await asyncio.sleep(0.25)
    await one.fail()
    assert await one.is_open()
    await asyncio.sleep(0.1)
    assert await one.is_open()
    await asyncio.sleep(0.15)
    await one.call()
    assert not await one.is_open()


@pytest.mark.parametrize("refusal", [SalesClosed(SalesClosedReason.ENDED), asyncio.CancelledError()])
async def test_a_probe_without_a_verdict_neither_closes_nor_opens_and_gives_its_turn_back(
    start: StartProcess, refusal: BaseException
) -> None:
    one = start()
    await one.fail(3)
    await asyncio.sleep(0.25)
    for _ in range(3):
        with pytest.raises(type(refusal)):
            await one.call(raising=refusal)
    assert ("concert_circuit_transitions_total", one.name, "closed") not in one.metrics.counts
    # Still half-open: the next failure alone opens it.
    await one.fail()
    assert await one.is_open()
    assert one.metrics.counts["concert_circuit_transitions_total", one.name, "opened"] == 2


async def test_a_probe_that_outstays_its_turn_decides_nothing(start: StartProcess) -> None:
    one = start(replace(PATIENT, probe_seconds=0.1))
    await one.fail(3)
    await asyncio.sleep(0.25)
    late = asyncio.create_task(one.call(seconds=0.3))
    await asyncio.sleep(0.2)
    await one.fail()
    await late
    assert await one.is_open()
    assert ("concert_circuit_transitions_total", one.name, "closed") not in one.metrics.counts


async def test_a_call_that_began_before_a_change_is_no_news(start: StartProcess) -> None:
    one = start()
    old = asyncio.create_task(one.call(Verdict.FAILURE, seconds=0.35))
    await asyncio.sleep(0.02)
    await one.fail(3)
    await asyncio.sleep(0.25)
    await one.call()
    await one.fail(2)
    await old
    assert not await one.is_open()
    await one.fail()
    assert await one.is_open()


async def test_slow_successes_are_failures(start: StartProcess) -> None:
    one = start(replace(PATIENT, slow_seconds=0.02))
    for _ in range(3):
        await one.call(seconds=0.03)
    assert await one.is_open()


async def test_a_share_of_failures_opens_it_though_none_stand_in_a_row(start: StartProcess) -> None:
    one = start(replace(PATIENT, threshold=100, minimum_calls=10, failure_rate=0.5))
    for _ in range(4):
        await one.fail()
        await one.call()
    assert not await one.is_open()  # of too few calls
    await one.call()
    await one.fail()
    assert await one.is_open()


async def test_what_has_left_the_window_counts_no_more(start: StartProcess) -> None:
    one = start(replace(PATIENT, threshold=100, minimum_calls=10, failure_rate=0.5, window_seconds=0.2))
    await one.fail(9)
    await asyncio.sleep(0.3)
    await one.fail()
    assert not await one.is_open()


async def test_the_rules_are_those_of_the_moment(start: StartProcess) -> None:
    await start().fail(2)
    stricter = start(replace(PATIENT, threshold=1, open_seconds=60.0))
    await stricter.fail()
    assert await stricter.is_open()
    shorter = start(replace(PATIENT, open_seconds=0.001))
    await asyncio.sleep(0.01)
    await shorter.call()
    assert not await shorter.is_open()


async def test_how_long_it_refuses_can_be_asked_without_taking_a_turn(start: StartProcess) -> None:
    one = start()
    assert await one.breaker.refused_for(one.name) is None
    await one.fail(3)
    wait = await one.breaker.refused_for(one.name)
    assert wait is not None
    assert 0.0 < wait <= 0.2
    await asyncio.sleep(0.25)
    assert [await one.breaker.refused_for(one.name) for _ in range(3)] == [None, None, None]
    await one.call()


async def test_refusals_leave_nothing_behind(start: StartProcess) -> None:
    one = start(replace(PATIENT, open_seconds=600.0))
    await one.fail(3)

    async def refused(times: int) -> None:
        for _ in range(times):
            try:
                await one.call()
            except CircuitOpen:
                continue
            raise AssertionError("it was let through")

    await refused(200)
    assert await least_growth(lambda: refused(2_000)) < 32 * 1024
    assert one.reached == 3
