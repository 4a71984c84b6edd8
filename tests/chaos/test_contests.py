"""Whoever pays how often and by what, cancels and is swept away, in two processes at once: one charge stands, or none."""

import asyncio
import pickle
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import TransientError
from tests.chaos.contest import Contest, take_part
from tests.chaos.house import Ground, House, opened_house
from tests.chaos.nursery import born, result_of
from tests.chaos.saga_runs import fresh

pytestmark = pytest.mark.timeout(600)
"""Longer than any wait inside, the fixtures' included."""

FANS = 12
PATIENCE = 90.0
PROCESSES = 2


async def test_one_charge_stands_or_none_on_sqlite(ground: Ground, tmp_path: Path) -> None:
    await contested(fresh(replace(ground, directory=tmp_path), "ground"), seed=0)


async def test_one_charge_stands_or_none_on_mysql(ground: Ground, mysql_databases: list[str], tmp_path: Path) -> None:
    await contested(fresh(replace(ground, directory=tmp_path, database_url=mysql_databases[0]), "ground"), seed=0)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(1, 21))
async def test_many_rounds_on_sqlite(seed: int, ground: Ground, tmp_path: Path) -> None:
    await contested(fresh(replace(ground, directory=tmp_path), "ground"), seed=seed, fans=40)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(1, 21))
async def test_many_rounds_on_mysql(seed: int, ground: Ground, mysql_databases: list[str], tmp_path: Path) -> None:
    await contested(fresh(replace(ground, directory=tmp_path, database_url=mysql_databases[0]), "ground"), seed=seed, fans=40)


async def contested(ground: Ground, *, seed: int, fans: int = FANS) -> None:
    async with opened_house(ground) as house:
        contests = await laid_out(house, fans)
        plan = ground.directory / "contests"
        plan.write_bytes(pickle.dumps(contests))
        numbers = range(seed * PROCESSES, (seed + 1) * PROCESSES)
        processes = [born(take_part, ground, plan, number, 2) for number in numbers]
        try:
            # In the middle of it all the holds run out, those that a confirm has pinned excepted.
            await asyncio.to_thread(wait_for_any, [ground.directory / f"half-{number}" for number in numbers])
            await time_passes(house, 6 * 60)
            for process in processes:
                await asyncio.to_thread(process.join, PATIENCE)
            assert [process.exitcode for process in processes] == [0] * PROCESSES
        finally:
            for process in processes:
                process.kill()
        await house.recover()
        books = await house.books()
        assert books.violations() == []
        told = [each for number in numbers for each in result_of(ground.directory / f"told-{number}")]
        assert_kept(contests, told, {row.payment_id: row.status for row in books.rows["payments"]})


def wait_for_any(files: list[Path]) -> None:
    until = time.monotonic() + PATIENCE
    while not any(file.exists() for file in files):
        assert time.monotonic() < until, "nobody has got so far"
        time.sleep(0.005)


async def time_passes(house: House, seconds: int) -> None:
    while True:
        with suppress(TransientError):
            return await house.pass_time(seconds)
        await asyncio.sleep(0.05)


async def laid_out(house: House, fans: int) -> list[Contest]:
    performance_id = await house.open_sale(seats=fans)
    people, seats = await house.fans(performance_id, fans), await house.seats(performance_id)
    contests = []
    for fan, seat in zip(people, seats, strict=True):
        reservation_id = await house.hold(fan, [seat])
        first, second = [await house.prepare(fan, reservation_id) for _ in range(2)]
        cards = (await house.checkout(first), await house.checkout(second))
        contests.append(Contest(fan=fan, reservation_id=reservation_id, orders=(first, second), cards=cards))
    return contests


def assert_kept(contests: list[Contest], told: list[tuple[int, str, object]], ends: dict[object, str]) -> None:
    """Who was told that they have paid has paid, unless they also cancelled; and by one way only."""
    assert len(told) == len(contests) * 2 * 2 * PROCESSES
    paid: dict[int, set[object]] = defaultdict(set)
    cancelled = {index for index, name, answer in told if name == "cancel" and (isinstance(answer, tuple) or answer == "REFUND_PENDING")}
    for index, name, answer in told:
        if name != "cancel" and not isinstance(answer, str):
            paid[index].add(answer)
    assert paid and cancelled and {"PAYMENT_PENDING"} <= {answer for _, _, answer in told if isinstance(answer, str)}, "no contest"
    for index, payments in paid.items():
        assert len(payments) == 1
        [payment_id] = payments
        assert ends[payment_id.payment] in ({"CANCELLED"} if index in cancelled else {"COMPLETED"})  # type: ignore[attr-defined]
