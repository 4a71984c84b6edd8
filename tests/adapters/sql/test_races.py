"""Many callers at once want the same thing, from two processes on one MySQL."""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from adapters.sql.database import database_at
from adapters.sql.mysql_database import MysqlDatabase
from adapters.sql.seat_holders import SqlSeatHolders
from adapters.sql.unit_of_work import SqlUnitOfWork
from adapters.system.clock import SystemClock
from domain.errors import BookingError, IdempotencyConflict, ReservationExpired, SeatsUnavailable
from tests.adapters.sql.box_office import POINTS, PRICE, StillMetrics, fan, open_box_office, seat_id, stored
from tests.adapters.sql.racer import Stall

pytestmark = [pytest.mark.real, pytest.mark.race]

RUN_UP_SECONDS = 2.0
"""Until both processes stand at the line."""


@pytest.fixture
async def database(emptied_mysql_url: str) -> AsyncIterator[MysqlDatabase]:
    opened = database_at(emptied_mysql_url)
    assert isinstance(opened, MysqlDatabase)
    await opened.open()
    yield opened
    await opened.close()


async def two_processes(race: str, url: str, each: int) -> list[str]:
    """What became of everyone: an id, or the name of a refusal."""
    start = str(time.time() + RUN_UP_SECONDS)
    runners = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.adapters.sql.racer", race, url, start, str(first), str(each)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for first in (0, each)
    ]
    outputs = await asyncio.gather(*(runner.communicate() for runner in runners))
    assert [runner.returncode for runner in runners] == [0, 0], [errors.decode() for _, errors in outputs]
    return [end for output, _ in outputs for end in json.loads(output)]


async def test_500_fans_race_for_one_seat(database: MysqlDatabase, emptied_mysql_url: str) -> None:
    await open_box_office(database, seats=1, fans=500)
    ends = Counter(await two_processes("one_seat", emptied_mysql_url, 250))
    assert ends.pop("SeatsUnavailable") == 499
    ((winner, count),) = ends.items()
    assert count == 1
    assert [str(uuid) for (uuid,) in await stored(database, "reservations", "reservation_id")] == [winner]
    assert [str(uuid) for (uuid,) in await stored(database, "seats", "reservation_id")] == [winner]
    assert Counter(await stored(database, "buyers", "held")) == {(0,): 499, (1,): 1}


async def test_200_fans_for_200_seats_four_each_at_random(database: MysqlDatabase, emptied_mysql_url: str) -> None:
    await open_box_office(database, seats=200, fans=200)
    ends = await two_processes("four_of_two_hundred", emptied_mysql_url, 100)
    winners = {end for end in ends if end != "SeatsUnavailable"}
    listed = await stored(database, "reservation_seats", "seat_id", "reservation_id")
    assert {str(reservation) for _, reservation in listed} == winners
    assert len(listed) == len({seat for seat, _ in listed}) == 4 * len(winners)
    held = [(seat, reservation) for seat, reservation in await stored(database, "seats", "seat_id", "reservation_id") if reservation]
    assert held == listed
    assert Counter(await stored(database, "buyers", "held")) == {(4,): len(winners), (0,): 200 - len(winners)}
    assert len(winners) >= 15


async def test_one_key_50_times_is_one_payment(database: MysqlDatabase, emptied_mysql_url: str) -> None:
    await open_box_office(database, seats=4, fans=2)
    ends = await two_processes("same_key", emptied_mysql_url, 25)
    ((payment, reservation),) = await stored(database, "payments", "payment_id", "reservation_id")
    assert ends == [str(payment)] * 50
    assert await stored(database, "point_ledger", "user_id", "amount", "source") == [(fan(0), -PRICE, payment)]
    assert await stored(database, "tickets", "seat_id", "payment_id", "live") == [(seat_id(0).seat, payment, 1)]
    assert len(await stored(database, "outbox_messages")) == 1

    unit_of_work = SqlUnitOfWork(database, SystemClock(), StillMetrics())
    await unit_of_work.open()
    stall = Stall(unit_of_work, SqlSeatHolders(database))
    paid = await stall.hold(fan(0), 0)
    assert paid.reservation == reservation
    assert (await stall.pay(fan(0), paid)).payment == payment, "a repeat after the pass was used up"
    other = await stall.hold(fan(1), 1)
    with pytest.raises(IdempotencyConflict):
        await stall.pay(fan(0), other)
    with pytest.raises(IdempotencyConflict):
        await stall.hold(fan(0), 3)
    own = await stall.pay(fan(1), other)
    await unit_of_work.close()
    assert sorted(await stored(database, "payments", "payment_id")) == sorted([(payment,), (own.payment,)])
    assert sorted(await stored(database, "point_accounts", "balance")) == [(POINTS - PRICE,), (POINTS - PRICE,)]


ROUNDS = 40
SHORT = timedelta(milliseconds=400)


async def test_a_hold_that_ran_out_is_taken_over_while_its_owner_pays_late(database: MysqlDatabase) -> None:
    """Owner and rival meet at the end of the hold, the one a little sooner here, the other there; whoever holds pays again."""
    await open_box_office(database, seats=ROUNDS, fans=2 * ROUNDS)
    units = [SqlUnitOfWork(database, SystemClock(), StillMetrics()) for _ in range(2)]
    for unit_of_work in units:
        await unit_of_work.open()
    holders = SqlSeatHolders(database)
    short = Stall(units[0], holders, hold_duration=SHORT)
    owners, rivals = Stall(units[0], holders), Stall(units[1], holders)
    held = await asyncio.gather(*(short.hold(fan(number), number) for number in range(ROUNDS)))
    ends_at = dict(await stored(database, "reservations", "reservation_id", "expires_at"))

    async def at(moment: datetime) -> None:
        await asyncio.sleep((moment - datetime.now(UTC)).total_seconds())

    async def owner(number: int) -> str:
        early = timedelta(milliseconds=150 if number < 4 else 6 - number % 8)
        await at(ends_at[held[number].reservation] - early)
        try:
            await owners.pay(fan(number), held[number])
        except ReservationExpired:
            return "late"
        return "paid"

    async def rival(number: int) -> str:
        await at(ends_at[held[number].reservation] + timedelta(milliseconds=number // 8 - 2))
        try:
            reservation_id = await rivals.hold(fan(ROUNDS + number), number)
        except SeatsUnavailable:
            return "unavailable"
        await rivals.pay(fan(ROUNDS + number), reservation_id)
        return "paid"

    ends: list[str | BookingError] = list(await asyncio.gather(*(run(number) for number in range(ROUNDS) for run in (owner, rival))))
    for unit_of_work in units:
        await unit_of_work.close()
    pairs = Counter(zip(ends[::2], ends[1::2], strict=True))
    assert set(pairs) <= {("paid", "unavailable"), ("late", "paid"), ("late", "unavailable")}
    sales = pairs["paid", "unavailable"] + pairs["late", "paid"]
    tickets = await stored(database, "tickets", "seat_id", "live")
    assert len(tickets) == len(set(tickets)) == sales
    assert [amount for (amount,) in await stored(database, "point_ledger", "amount")] == [-PRICE] * sales
    assert Counter(await stored(database, "seats", "status")) == Counter({("SOLD",): sales, ("HELD",): ROUNDS - sales})
    assert pairs["paid", "unavailable"] > 0
    assert pairs["late", "paid"] > 0
