"""What the benchmark compares is comparable: each side leaves the same rows, and the books notice when one does not."""

import asyncio
from urllib.parse import urlsplit

import aiomysql
import pytest

from adapters.sql.migrate import migrate
from benchmarks.payment.by_hand import ByHand, Hand, NotPayable, OneByOne, Terse
from benchmarks.payment.house import Booking, BooksDoNotBalance, audit, fill
from benchmarks.payment.ours import opened_use_case
from benchmarks.payment.rounds import play
from benchmarks.payment.statements import SESSION


async def pool_on(url: str) -> aiomysql.Pool:
    parts = urlsplit(url)
    return await aiomysql.create_pool(
        minsize=2, maxsize=2, host=parts.hostname, port=parts.port, user="root", db=parts.path.lstrip("/"), init_command=SESSION
    )


async def test_each_side_leaves_the_same_rows(mysql_database: str) -> None:
    await migrate(mysql_database)
    fill(mysql_database, 9)
    audit(mysql_database, 0)
    pool = await pool_on(mysql_database)
    try:
        async with opened_use_case(mysql_database) as ours:
            for side, pay in enumerate((ours, ByHand(pool, OneByOne(), connections=2).pay, ByHand(pool, Terse(), connections=2).pay)):
                bookings = (Booking(n) for n in range(3 * side, 3 * side + 3))
                played = await play(pay, bookings, callers=2, seconds=10.0)
                assert played.paid == 3
                assert len(played.latencies) == 3
                assert played.rate == pytest.approx(3 / played.seconds)
                audit(mysql_database, 3 * side + 3)
    finally:
        pool.close()
        await pool.wait_closed()
    with pytest.raises(BooksDoNotBalance):
        audit(mysql_database, 8)


@pytest.mark.parametrize("hand", [OneByOne(), Terse()])
async def test_a_hand_pays_no_booking_twice(mysql_database: str, hand: Hand) -> None:
    await migrate(mysql_database)
    fill(mysql_database, 1)
    pool = await pool_on(mysql_database)
    try:
        pay = ByHand(pool, hand, connections=1).pay
        await pay(Booking(0))
        with pytest.raises(NotPayable):
            await pay(Booking(0))
    finally:
        pool.close()
        await pool.wait_closed()
    audit(mysql_database, 1)


async def test_a_round_ends_with_its_time() -> None:
    async def pay(_booking: Booking) -> None:
        await asyncio.sleep(0.01)

    played = await play(pay, (Booking(n) for n in range(1_000_000)), callers=4, seconds=0.2)
    assert 0.2 <= played.seconds < 5
    assert 4 <= played.paid <= 80
