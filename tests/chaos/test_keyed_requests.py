"""The same intent sent again and again under one key, through a fault each: one effect, and one answer."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from dependency_injector import providers

from adapters.sql.database import Database
from adapters.sql.sqlite_database import SqliteDatabase
from domain.errors import PaymentPending, ServiceUnavailable
from domain.ids import PaymentId, ReservationId
from tests.chaos.faulty import REQUEST, FaultPoint, FaultyGateway, FaultyUnitOfWork, Plan
from tests.chaos.house import PRICE, Fan, Ground, House, Order, opened_house
from tests.chaos.saga_runs import fresh
from tests.chaos.time_passes import hurry_errands

pytestmark = pytest.mark.timeout(600)
"""Longer than any wait inside, the fixtures' included."""

BY_CARD = (FaultPoint.BEFORE_REQUEST, FaultPoint.AFTER_REQUEST)
AT_ONCE = 100
REPEATS = 2
"""Of each request at the same moment; each is sent once more when it has been answered."""

Ask = Callable[[], Awaitable[PaymentId]]


@pytest.mark.parametrize("at", FaultPoint)
async def test_no_double_effect(at: FaultPoint, ground: Ground, tmp_path: Path) -> None:
    await no_double_effect(at, ground, tmp_path, requests=60)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("at", FaultPoint)
async def test_no_double_effect_in_ten_thousand(at: FaultPoint, ground: Ground, tmp_path: Path) -> None:
    await no_double_effect(at, ground, tmp_path, requests=10_000)


async def no_double_effect(at: FaultPoint, ground: Ground, tmp_path: Path, requests: int) -> None:
    plan = Plan(at)
    async with opened_house(
        fresh(replace(ground, directory=tmp_path), "ground"), patience=0.1, concurrency=16, adorn=adorned(plan)
    ) as house:
        await wait_for_no_disk(house.container.database())
        performance_id = await house.open_sale(seats=requests)
        fans, seats = await house.fans(performance_id, requests), await house.seats(performance_id)
        rest = Rest()
        working = asyncio.create_task(rest.for_ever(house))
        for first in range(0, requests, AT_ONCE):
            some = range(first, min(first + AT_ONCE, requests))
            answers = await asyncio.gather(*(one_request(house, plan, rest, fans[number], [seats[number]]) for number in some))
            for answer in answers:
                assert len(answer) == REPEATS + 1
                assert len(set(answer)) == 1
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        assert not plan.requests, "not every request has met its fault"
        assert not plan.orders, "not every order has met its fault"
        await house.recover()
        books = await house.books()
        assert books.violations() == []
        assert books.statuses("payments") == {"COMPLETED": requests}
        assert books.live_tickets() == requests
        assert books.standing() == (requests * PRICE if at in BY_CARD else 0)
        deducted = sum(entry.amount for entry in books.rows["point_ledger"] if entry.kind == "DEDUCT")
        assert deducted == (0 if at in BY_CARD else -requests * PRICE)
        assert len(books.rows["notifications"]) == requests


@dataclass
class Rest:
    """Errands are run as they come; when there is none, those that wait for their time are due at once.

    Callers who were told to ask later ask when the errands have come to rest: hundreds of them, asking all the time, would be
    all that the machine does.
    """

    come: asyncio.Event = field(default_factory=asyncio.Event)

    async def next(self) -> None:
        await self.come.wait()

    async def for_ever(self, house: House) -> None:
        while True:
            if not await house.roles["reconciler"]():
                self.come.set()
                self.come = asyncio.Event()
                await hurry_errands(house.container.database())
                await asyncio.sleep(0.05)


async def wait_for_no_disk(database: Database) -> None:
    """Here nobody dies, so nothing has to be on the disk when it is answered."""
    assert isinstance(database, SqliteDatabase)
    await database.in_writer(lambda connection: connection.execute("PRAGMA synchronous = OFF"))


def adorned(plan: Plan) -> Callable[[Any], None]:
    def adorn(container: Any) -> None:
        container.unit_of_work.override(providers.Object(FaultyUnitOfWork(container.unit_of_work(), plan)))
        container.toss.override(providers.Object(FaultyGateway(container.toss(), plan)))

    return adorn


async def one_request(house: House, plan: Plan, rest: Rest, fan: Fan, seats: Sequence[Any]) -> list[PaymentId]:
    """All the answers to one intent."""
    reservation_id = await house.hold(fan, list(seats))
    ask = await asked(house, plan, fan, reservation_id)
    name = str(reservation_id.reservation)
    if plan.at not in BY_CARD and plan.at is not FaultPoint.CALLER_GONE:
        plan.requests.add(name)
    REQUEST.set(name)
    if plan.at is FaultPoint.CALLER_GONE:
        await hang_up(ask)
    answers = list(await asyncio.gather(*(until_answered(ask, rest) for _ in range(REPEATS))))
    return [*answers, await ask()]


async def asked(house: House, plan: Plan, fan: Fan, reservation_id: ReservationId) -> Ask:
    if plan.at not in BY_CARD:
        return lambda: house.pay(fan, reservation_id)
    order: Order = await house.prepare(fan, reservation_id)
    card = await house.checkout(order)
    plan.orders.add(order.order_id)
    return lambda: house.pay(fan, reservation_id, order, card)


async def hang_up(ask: Ask) -> None:
    task = asyncio.ensure_future(ask())
    await asyncio.sleep(random.random() * 0.02)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def until_answered(ask: Ask, rest: Rest) -> PaymentId:
    while True:
        try:
            return await ask()
        except (PaymentPending, ServiceUnavailable):
            await rest.next()
