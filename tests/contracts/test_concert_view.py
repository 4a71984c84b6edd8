"""The contract of ConcertView."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Executable, Row, update

from adapters.sql import core_tables as tables
from adapters.sql.catalogue_store import SqlCatalogueStore
from adapters.sql.concert_view import FRESH_SECONDS, MOST_PERFORMANCES, SqlConcertView
from adapters.sql.database import Database, Reader
from application.ports.catalogue import Page
from domain.concert import Concert, Performance, PerformanceStatus
from domain.ids import ConcertId, PerformanceId
from domain.seat import Seat
from tests.contracts.clocks import FixedClock
from tests.contracts.rows import NOW, a_concert, a_performance, a_queue, a_seat, uid


class CountingReader:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.statements = 0

    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        self.statements += 1
        return await self._reader.rows(statement)


async def add(database: Database, concert: Concert, performances: Sequence[Performance] = (), seats: Sequence[Seat] = ()) -> None:
    assert await SqlCatalogueStore(database, FixedClock(NOW)).add(
        concert, performances or [a_performance(concert)], seats, a_queue(concert)
    )


async def mark_seats(database: Database, status: str) -> None:
    await database.write(lambda connection: connection.execute(update(tables.SEATS).values(status=status)))


@pytest.fixture
def view(database: Database) -> SqlConcertView:
    return SqlConcertView(database)


async def test_the_list_is_walked_page_by_page_in_the_order_of_creation(database: Database, view: SqlConcertView) -> None:
    concerts = [a_concert(number) for number in (1, 2, 3, 4, 5)]
    for concert in reversed(concerts):
        await add(database, concert)
    assert await view.concerts(2, None) == Page(items=(concerts[0], concerts[1]), has_next=True)
    assert await view.concerts(2, concerts[1].id) == Page(items=(concerts[2], concerts[3]), has_next=True)
    assert await view.concerts(2, concerts[3].id) == Page(items=(concerts[4],), has_next=False)
    assert await view.concerts(2, concerts[4].id) == Page(items=(), has_next=False)
    assert await view.concerts(5, None) == Page(items=tuple(concerts), has_next=False)


async def test_a_cursor_of_a_concert_that_is_gone_still_tells_where_to_go_on(database: Database, view: SqlConcertView) -> None:
    for number in (2, 4):
        await add(database, a_concert(number))
    assert await view.concerts(5, uid(3)) == Page(items=(a_concert(4),), has_next=False)


async def test_concerts_come_in_the_order_of_their_keys(database: Database, view: SqlConcertView) -> None:
    first, second = a_concert(1), a_concert(2)
    await add(database, first)
    await add(database, second)
    assert await view.concerts_by_id([second.id, ConcertId(uid(9)), first.id, second.id]) == [second, None, first, second]
    assert await view.concerts_by_id([]) == []


async def test_performances_come_in_the_order_of_their_keys_with_the_terms_of_their_sale(database: Database, view: SqlConcertView) -> None:
    one, two = a_concert(1), a_concert(2, sales_close_at=NOW + timedelta(days=9), purchase_limit=2)
    of_one, of_two = a_performance(one, 1), a_performance(two, 1, status=PerformanceStatus.CANCELLED)
    await add(database, one, [of_one])
    await add(database, two, [of_two])
    nowhere = PerformanceId(one.id, uid(2))
    assert await view.performances_by_id([of_two.id, nowhere, of_one.id]) == [of_two, None, of_one]
    assert await view.performances_by_id([]) == []


async def test_a_concert_s_performances_are_listed_by_starting_time(database: Database, view: SqlConcertView) -> None:
    one, two, three = a_concert(1), a_concert(2), a_concert(3)
    late, early = a_performance(one, 1, starts_at=NOW + timedelta(days=2)), a_performance(one, 2, starts_at=NOW + timedelta(days=1))
    of_two = a_performance(two, 1)
    await add(database, one, [late, early])
    await add(database, two, [of_two])
    assert await view.performances_of([two.id, three.id, one.id]) == [[of_two], [], [early, late]]
    assert await view.performances_of([]) == []


async def test_one_concert_s_many_performances_leave_room_for_another_s(database: Database, view: SqlConcertView) -> None:
    one, two = a_concert(1), a_concert(2)
    many = [a_performance(one, number, starts_at=NOW + timedelta(hours=number)) for number in range(1, MOST_PERFORMANCES + 6)]
    of_two = a_performance(two, 1, starts_at=NOW + timedelta(days=90))
    await add(database, one, many)
    await add(database, two, [of_two])
    assert await view.performances_of([one.id, two.id]) == [many[:MOST_PERFORMANCES], [of_two]]


async def test_a_concert_is_sold_out_when_every_seat_is_sold(database: Database) -> None:
    concert, empty = a_concert(1), a_concert(2)
    performance = a_performance(concert)
    await add(database, concert, [performance], [a_seat(performance, number) for number in (1, 2)])
    await add(database, empty)
    assert not await SqlConcertView(database).is_sold_out(concert.id)
    await mark_seats(database, "HELD")
    assert not await SqlConcertView(database).is_sold_out(concert.id)
    await mark_seats(database, "SOLD")
    assert await SqlConcertView(database).is_sold_out(concert.id)
    assert not await SqlConcertView(database).is_sold_out(empty.id)
    assert not await SqlConcertView(database).is_sold_out(ConcertId(uid(9)))


async def test_whether_it_is_sold_out_is_read_once_a_second_however_many_ask(database: Database) -> None:
    concert = a_concert()
    performance = a_performance(concert)
    await add(database, concert, [performance], [a_seat(performance, 1)])
    reader = CountingReader(database)
    view = SqlConcertView(reader)
    assert await asyncio.gather(*(view.is_sold_out(concert.id) for _ in range(50))) == [False] * 50
    await mark_seats(database, "SOLD")
    assert not await view.is_sold_out(concert.id)
    assert reader.statements == 1
    await asyncio.sleep(FRESH_SECONDS)
    assert await view.is_sold_out(concert.id)
    assert reader.statements == 2
