"""A whole sale: three hundred people, fifty slots, and a store that forgets everything in the middle of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from adapters.redis.client import connect
from application.ports.unit_of_work import ResultT, Transaction
from domain.buyer import Buyer, PassEnd
from domain.ids import BuyerId
from domain.queue_token import ORDERS_PER_EPOCH, QueueTokenState
from tests.application.queueing.house import House, embedded_house, fan
from tests.fakes.memory_unit_of_work import MemoryUnitOfWork
from tests.servers.redis import RedisServer

CAPACITY = 50


class CountingDatabase(MemoryUnitOfWork):
    """Remembers in which order passes were granted, and how many ever lived at once."""

    def __init__(self, house: House) -> None:
        super().__init__(house.clock.now)
        self.rows = house.database.rows
        self.most_live = 0
        self.granted: list[Buyer] = []
        self.under_way = asyncio.Event()

    async def run(self, transaction: Transaction[ResultT]) -> ResultT:
        before = dict(self.kind("buyers"))
        result = await super().run(transaction)
        after: dict[BuyerId, Buyer] = self.kind("buyers")
        self.granted += [row for key, row in after.items() if row.pass_place > (before[key].pass_place if key in before else 0)]
        if len(self.granted) >= 80:
            self.under_way.set()
        self.most_live = max(self.most_live, sum(row.has_live_pass(self._now()) for row in after.values()))
        return result


@asynccontextmanager
async def real_house() -> AsyncIterator[House]:
    with RedisServer.started() as server:
        house = House(connect(server.url, timeout_seconds=5), timedelta(seconds=0.5))
        yield house
        await house.one.watches.close()
        await house.one.store.close()


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.real)])
async def house(request: pytest.FixtureRequest) -> AsyncIterator[House]:
    lent = embedded_house(timedelta(seconds=0.5)) if request.param == "embedded" else real_house()
    async with lent as house:
        house.use(CountingDatabase(house))
        house.set_queue(capacity=CAPACITY, rate=400)
        yield house


async def buys(house: House, number: int) -> int:
    """One fan's way: join, watch, be admitted, pay; returns the place they joined at."""
    joined = await house.join(number)
    async for standing in house.watch(number, joined.value):
        if standing.state is QueueTokenState.ACTIVE:
            break
    await asyncio.sleep(0.05)
    buyer = house.buyer(number)
    assert buyer is not None
    assert buyer.has_live_pass(house.clock.now())
    house.database.put("buyers", buyer.id, buyer.end_pass(buyer.pass_place, PassEnd.USED))
    await house.one.checks.put(buyer.id)
    return joined.token.place


async def admit_for_ever(house: House) -> None:
    while True:
        await house.admit()
        await asyncio.sleep(0.02)


async def test_the_order_is_kept_the_house_is_never_overfilled_and_everyone_gets_in(house: House) -> None:
    database = house.database
    assert isinstance(database, CountingDatabase)
    admitting = asyncio.create_task(admit_for_ever(house))
    early = [asyncio.create_task(buys(house, n)) for n in range(1, 251)]
    await database.under_way.wait()
    await house.one.store.client.flushall()
    late = [asyncio.create_task(buys(house, n)) for n in range(251, 301)]
    places = await asyncio.wait_for(asyncio.gather(*early, *late), 60)
    admitting.cancel()

    granted = [buyer.pass_place for buyer in database.granted]
    epochs = [place // ORDERS_PER_EPOCH for place in granted]
    assert epochs == [1] * 250 + [2] * 50
    assert granted == sorted(granted)
    assert database.most_live <= CAPACITY
    buyers: dict[BuyerId, Buyer] = database.kind("buyers")
    assert [buyers[BuyerId(house.concert_id, fan(n))].pass_place for n in range(1, 301)] == places
    assert len(buyers) == 300
