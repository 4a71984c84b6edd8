"""A worker stands still (SIGSTOP) between writing that it sends and sending, and goes on when others have done its work."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import PaymentPending, RefundPending
from tests.chaos.books import Books
from tests.chaos.house import PRICE, Fan, Ground, House, opened_house
from tests.chaos.nursery import born
from tests.chaos.saga_runs import fresh
from tests.chaos.sagas import POINTS, paid_by_card, summary
from tests.chaos.worker_that_stops import run_errands_once

pytestmark = pytest.mark.timeout(600)
"""Longer than any wait inside, the fixtures' included."""

PATIENCE = 30.0
MINUTE = 60


@pytest.fixture(params=["sqlite", pytest.param("mysql", marks=pytest.mark.real)])
async def house(request: pytest.FixtureRequest, ground: Ground, tmp_path: Path) -> AsyncIterator[House]:
    """A fan holds two seats and has asked to pay for them with 30,000 points and a card."""
    if request.param == "mysql":
        ground = replace(ground, database_url=request.getfixturevalue("mysql_databases")[0])
    async with opened_house(fresh(replace(ground, directory=tmp_path), "ground")) as opened:
        notes = opened.notes
        performance_id = await opened.open_sale()
        [notes["fan"]] = await opened.fans(performance_id, 1)
        notes["reservation"] = await opened.hold(notes["fan"], (await opened.seats(performance_id))[:2])
        notes["order"] = await opened.prepare(notes["fan"], notes["reservation"], 30_000)
        notes["card"] = await opened.checkout(notes["order"])
        with suppress(PaymentPending):
            await opened.pay(notes["fan"], notes["reservation"], notes["order"], notes["card"])
        yield opened


@asynccontextmanager
async def standing_still(house: House, before: str) -> AsyncIterator[None]:
    """Another process has taken the errand up and stands still there; afterwards it goes on, to its end."""
    process = born(run_errands_once, house.ground, before)
    assert process.pid is not None
    try:
        await until_stopped(process.pid)
        yield
        os.kill(process.pid, signal.SIGCONT)
        await asyncio.to_thread(process.join, PATIENCE)
        assert process.exitcode == 0
    finally:
        process.kill()


async def until_stopped(pid: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.01)


async def ended(house: House) -> Books:
    await house.recover()
    books = await house.books()
    assert books.violations() == []
    return books


async def pass_time(house: House, seconds: int) -> None:
    """Here and at the gateway."""
    await house.pass_time(seconds)
    await house.http.post("/simulator/toss/clock", json={"advance_seconds": seconds})


async def rival_buys(house: House) -> Fan:
    performance_id = house.notes["reservation"].performance_id
    [rival] = await house.fans(performance_id, 1)
    reservation_id = await house.hold(rival, (await house.seats(performance_id))[:2])
    await house.pay(rival, reservation_id)
    return rival


async def test_it_wakes_when_its_lease_and_the_hold_are_over(house: House) -> None:
    """Nothing was charged, and nothing is: the seats are another's by then."""
    async with standing_still(house, "toss.confirm: before it"):
        await pass_time(house, 13 * MINUTE)
        await house.recover()
        rival = await rival_buys(house)
    end = summary(await ended(house), house.notes["fan"])
    assert end == {
        "reservations": {"EXPIRED": 1, "CONFIRMED": 1},
        "payments": {"FAILED": 1, "COMPLETED": 1},
        "seats": {"SOLD": 2, "AVAILABLE": 2},
        "tickets": 2,
        "points": POINTS,
        "card": 0,
        "told": ["PAYMENT_COMPLETED"],
    }
    assert (await house.books()).balance(rival.user_id) == POINTS - 2 * PRICE


async def test_it_wakes_when_another_has_done_its_work(house: House) -> None:
    async with standing_still(house, "toss.confirm: before it"):
        await pass_time(house, 2 * MINUTE)
        await house.recover()
        assert (await house.books()).statuses("payments") == {"COMPLETED": 1}
    assert summary(await ended(house), house.notes["fan"])["card"] == 2 * PRICE - 30_000
    assert (await house.books()).statuses("reservations") == {"CONFIRMED": 1}


async def test_it_wakes_when_nobody_sends_any_more_but_the_gateway_still_takes_it(house: House) -> None:
    async with standing_still(house, "toss.confirm: before it"):
        await pass_time(house, 9 * MINUTE)
        await house.work()
        assert (await house.books()).statuses("payments") == {"IN_DOUBT": 1}
    books = await ended(house)
    assert (books.statuses("reservations"), books.standing(), books.live_tickets()) == ({"CONFIRMED": 1}, 2 * PRICE - 30_000, 2)


async def test_a_refund_that_stood_still_is_made_once(house: House) -> None:
    await paid_by_card(house)
    with suppress(RefundPending):
        await house.cancel(house.notes["fan"], house.notes["reservation"])
    async with standing_still(house, "toss.cancel: before it"):
        await pass_time(house, 2 * MINUTE)
        await house.recover()
    books = await ended(house)
    assert (books.statuses("reservations"), books.standing(), books.balance(house.notes["fan"].user_id)) == ({"CANCELLED": 1}, 0, POINTS)
