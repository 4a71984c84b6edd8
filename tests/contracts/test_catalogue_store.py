"""The contract of CatalogueStore."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from adapters.sql import core_tables as tables
from adapters.sql.catalogue_store import SEATS_A_STATEMENT, SqlCatalogueStore
from adapters.sql.concert_view import SqlConcertView
from adapters.sql.database import Database
from adapters.sql.queue_view import SqlQueueView
from adapters.sql.seat_view import SqlSeatView
from domain.ids import SeatId
from tests.contracts.clocks import FixedClock
from tests.contracts.rows import NOW, a_concert, a_performance, a_queue, a_seat, uid

LARGE_HALL = 30_000


async def seats_in(database: Database) -> int:
    [row] = await database.rows(select(func.count().label("seats")).select_from(tables.SEATS))
    count: int = row.seats
    return count


async def test_a_concert_is_there_with_all_that_belongs_to_it(database: Database) -> None:
    concert = a_concert(title="제목 🎤 'quoted\\")
    first, second = a_performance(concert, 1, venue="올림픽홀"), a_performance(concert, 2)
    seats = [a_seat(first, 11), a_seat(first, 12), a_seat(second, 21)]
    queue = a_queue(concert, capacity=3, rate=2)
    assert await SqlCatalogueStore(database, FixedClock(NOW)).add(concert, [first, second], seats, queue)
    catalogue = SqlConcertView(database)
    assert await catalogue.concerts_by_id([concert.id]) == [concert]
    assert await catalogue.performances_by_id([first.id, second.id]) == [first, second]
    assert await SqlSeatView(database).seats_by_id([seat.id for seat in seats]) == seats
    assert await SqlQueueView(database).queues_by_id([concert.id]) == [queue]
    # Who watches for changes is not told a whole hall that nobody has touched.
    assert await SqlSeatView(database).changed_since({first.id: NOW - timedelta(days=1)}, 10) == {first.id: []}


async def test_an_id_that_is_taken_changes_nothing(database: Database) -> None:
    store = SqlCatalogueStore(database, FixedClock())
    concert = a_concert()
    performance = a_performance(concert)
    assert await store.add(concert, [performance], [a_seat(performance, 1)], a_queue(concert))
    other = a_concert(title="Another")
    assert not await store.add(other, [a_performance(other, 2)], [a_seat(performance, 2)], a_queue(other))
    assert await SqlConcertView(database).concerts_by_id([concert.id]) == [concert]
    assert [list(performances) for performances in await SqlConcertView(database).performances_of([concert.id])] == [[performance]]
    assert await seats_in(database) == 1


async def test_of_many_with_the_same_id_at_once_one_is_added(database: Database) -> None:
    store = SqlCatalogueStore(database, FixedClock())
    concert = a_concert()
    performance = a_performance(concert)
    added = await asyncio.gather(*(store.add(concert, [performance], [a_seat(performance, 1)], a_queue(concert)) for _ in range(3)))
    assert sorted(added) == [False, False, True]


async def test_a_concert_whose_seats_are_refused_is_not_there_at_all(database: Database) -> None:
    concert = a_concert()
    performance = a_performance(concert)
    seats = [a_seat(performance, number) for number in range(1, 1_501)] + [a_seat(performance, 7)]
    with pytest.raises(IntegrityError):
        await SqlCatalogueStore(database, FixedClock()).add(concert, [performance], seats, a_queue(concert))
    assert await SqlConcertView(database).concerts_by_id([concert.id]) == [None]
    assert await seats_in(database) == 0


async def test_a_large_hall_takes_seconds_and_leaves_the_loop_to_others(database: Database) -> None:
    concert = a_concert()
    performance = a_performance(concert)
    seats = (a_seat(performance, number) for number in range(1, LARGE_HALL + 1))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    bystander = asyncio.create_task(others())
    async with asyncio.timeout(60):
        assert await SqlCatalogueStore(database, FixedClock()).add(concert, [performance], seats, a_queue(concert))
    bystander.cancel()
    assert turns >= LARGE_HALL / SEATS_A_STATEMENT
    assert await seats_in(database) == LARGE_HALL
    assert await SqlSeatView(database).seats_by_id([SeatId(*performance.id, uid(LARGE_HALL))]) == [a_seat(performance, LARGE_HALL)]
