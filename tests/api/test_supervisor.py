"""Roles never end by themselves, and never in silence."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from adapters.system.jitter import RandomJitter
from adapters.system.sleeper import AsyncioSleeper
from adapters.system.wake import Wake
from domain.errors import BrokerUnavailable
from entrypoints.worker import Role, Supervisor


class Counts:
    def __init__(self) -> None:
        self.counted: list[tuple[str, int, dict[str, str]]] = []

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        self.counted.append((name, amount, labels))

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        return

    def gauge(self, name: str, value: float, **labels: str) -> None:
        return


class NoChance(RandomJitter):
    """Starts again at once."""

    def chance(self) -> float:
        return 0.0


def role(work: Callable[[], Awaitable[int]], *, idle_seconds: float = 60.0, eager: bool = True) -> Role:
    return Role(name="sweeper", work=work, wake=Wake(), idle_seconds=idle_seconds, eager=eager)


def supervisor(*roles: Role, counts: Counts | None = None, drain_seconds: float = 5.0) -> Supervisor:
    return Supervisor(roles, AsyncioSleeper(), NoChance(), counts or Counts(), drain_seconds)


async def test_a_crashing_role_is_started_again_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    passes: list[int] = []
    third = asyncio.Event()

    async def work() -> int:
        passes.append(1)
        if len(passes) < 3:
            raise ZeroDivisionError("no such luck")
        third.set()
        return 0

    counts = Counts()
    supervised = supervisor(role(work), counts=counts)
    supervised.start()
    await asyncio.wait_for(third.wait(), 5)
    await supervised.stop()
    crash = ("concert_role_crashes_total", 1, {"role": "sweeper", "kind": "ZeroDivisionError"})
    failure = ("concert_failures_total", 1, {"step": "sweeper", "kind": "unhandled_exception"})
    assert counts.counted == [crash, failure, crash, failure]
    crashes = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.message for record in crashes] == ["a role crashed and is started again"] * 2
    assert all(record.exc_info for record in crashes)


async def test_expected_trouble_is_said_once_and_counted_each_time(caplog: pytest.LogCaptureFixture) -> None:
    passes: list[int] = []
    enough = asyncio.Event()

    async def work() -> int:
        passes.append(1)
        if len(passes) == 4:
            enough.set()
        raise BrokerUnavailable("away")

    counts = Counts()
    supervised = supervisor(role(work), counts=counts)
    supervised.start()
    await asyncio.wait_for(enough.wait(), 5)
    await supervised.stop()
    assert len(counts.counted) >= 4
    failures = [labels for name, _, labels in counts.counted if name == "concert_failures_total"]
    assert len(failures) == len(counts.counted) / 2
    assert failures[0] == {"step": "sweeper", "kind": "slow_query_io"}
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_one_role_that_fails_does_not_hold_up_another() -> None:
    done = asyncio.Event()

    async def fails() -> int:
        raise RuntimeError("always")

    async def works() -> int:
        done.set()
        return 0

    supervised = supervisor(role(fails), role(works))
    supervised.start()
    await asyncio.wait_for(done.wait(), 5)
    await supervised.stop()


async def test_a_role_waits_when_there_is_nothing_to_do_and_is_woken() -> None:
    passes: list[int] = []

    async def work() -> int:
        passes.append(1)
        return 0

    sleepy = role(work)
    supervised = supervisor(sleepy)
    supervised.start()
    await asyncio.sleep(0.05)
    assert len(passes) == 1
    sleepy.wake.set()
    await asyncio.sleep(0.05)
    assert len(passes) == 2
    await supervised.stop()


async def test_a_pass_that_found_work_is_followed_by_the_next_at_once() -> None:
    left = [3, 2, 1, 0]

    async def work() -> int:
        return left.pop(0)

    supervised = supervisor(role(work))
    supervised.start()
    await asyncio.sleep(0.05)
    assert left == []
    await supervised.stop()


async def test_stopping_lets_a_pass_finish() -> None:
    began, finished = asyncio.Event(), asyncio.Event()

    async def work() -> int:
        began.set()
        await asyncio.sleep(0.1)
        finished.set()
        return 1

    supervised = supervisor(role(work))
    supervised.start()
    await began.wait()
    await asyncio.wait_for(supervised.stop(), 2)
    assert finished.is_set()


async def test_stopping_waits_no_longer_than_it_said(caplog: pytest.LogCaptureFixture) -> None:
    cancelled = asyncio.Event()

    async def work() -> int:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return 0

    supervised = supervisor(role(work), drain_seconds=0.05)
    supervised.start()
    await asyncio.sleep(0.01)
    await asyncio.wait_for(supervised.stop(), 2)
    assert cancelled.is_set()
    assert [record.message for record in caplog.records] == ["a role did not end in time and is cancelled"]


async def test_a_role_that_waits_to_start_again_stops_at_once() -> None:
    async def work() -> int:
        raise RuntimeError("always")

    class Patient(RandomJitter):
        def chance(self) -> float:
            return 0.999

    supervised = Supervisor([role(work)], AsyncioSleeper(), Patient(), Counts(), 5.0)
    supervised.start()
    await asyncio.sleep(0.3)
    await asyncio.wait_for(supervised.stop(), 0.1)
