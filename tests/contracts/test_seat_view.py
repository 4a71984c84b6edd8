"""The contract of SeatView."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert

from adapters.sql import core_tables as tables
from adapters.sql.catalogue_store import SqlCatalogueStore
from adapters.sql.database import Database
from adapters.sql.lookups import CEILING
from adapters.sql.mappers import MAPPER_OF, Stamp
from adapters.sql.seat_view import SqlSeatView
from application.ports.catalogue import GradeAvailability, Page, SeatFilter
from domain.concert import Performance
from domain.ids import PerformanceId, ReservationId, SeatId
from domain.money import Won
from domain.seat import Seat, SeatStatus
from tests.contracts.clocks import FixedClock
from tests.contracts.rows import MINUTE, NOW, a_concert, a_performance, a_queue, a_seat, uid

CONCERT = a_concert()
EVENING = a_performance(CONCERT, 1)
MATINEE = a_performance(CONCERT, 2)
EVERY = SeatFilter()
TICK = timedelta(microseconds=1)


def held(seat: Seat, until: Any) -> Seat:
    return replace(seat, status=SeatStatus.HELD, reservation_id=ReservationId(*seat.id.performance_id, uid(77)), held_until=until)


def sold(seat: Seat) -> Seat:
    return replace(seat, status=SeatStatus.SOLD, reservation_id=ReservationId(*seat.id.performance_id, uid(78)))


async def put(database: Database, *seats: Seat, changed_at: Any = NOW) -> None:
    columns = tables.SEATS.columns.keys()
    stamp = Stamp(shard=CONCERT.id, now=changed_at)
    rows = [dict(zip(columns, MAPPER_OF["seats"].row_of(seat, stamp), strict=True)) for seat in seats]
    await database.write(lambda connection: connection.execute(insert(tables.SEATS), rows))


@pytest.fixture
async def view(database: Database) -> SqlSeatView:
    assert await SqlCatalogueStore(database, FixedClock()).add(CONCERT, [EVENING, MATINEE], [], a_queue(CONCERT))
    return SqlSeatView(database)


async def walk(view: SqlSeatView, performance: Performance, which: SeatFilter, first: int) -> list[tuple[Seat, ...]]:
    pages: list[tuple[Seat, ...]] = []
    after: UUID | None = None
    while True:
        page = await view.seats(performance.id, which, first, after, NOW)
        pages.append(page.items)
        if not page.has_next:
            return pages
        after = page.items[-1].id.seat


async def test_the_hall_is_walked_page_by_page_and_no_other_hall(database: Database, view: SqlSeatView) -> None:
    seats = [a_seat(EVENING, number) for number in range(1, 8)]
    await put(database, *reversed(seats), a_seat(MATINEE, 3))
    assert await walk(view, EVENING, EVERY, 3) == [tuple(seats[:3]), tuple(seats[3:6]), tuple(seats[6:])]
    assert await walk(view, MATINEE, EVERY, 3) == [(a_seat(MATINEE, 3),)]
    assert await walk(view, EVENING, EVERY, 7) == [tuple(seats)]


async def test_a_page_has_a_ceiling_and_a_floor(database: Database, view: SqlSeatView) -> None:
    await put(database, *(a_seat(EVENING, number) for number in range(1, CEILING + 12)))
    page = await view.seats(EVENING.id, EVERY, 10_000, None, NOW)
    assert (len(page.items), page.has_next) == (CEILING, True)
    assert await view.seats(EVENING.id, EVERY, 0, None, NOW) == Page(items=(), has_next=True)
    assert await view.seats(EVENING.id, EVERY, -5, None, NOW) == Page(items=(), has_next=True)


async def test_seats_of_one_grade(database: Database, view: SqlSeatView) -> None:
    await put(database, *(a_seat(EVENING, number, grade="R" if number % 2 else "S") for number in range(1, 7)))
    assert [seat.number for page in await walk(view, EVENING, SeatFilter(grade="R"), 2) for seat in page] == [1, 3, 5]
    assert await walk(view, EVENING, SeatFilter(grade="r"), 2) == [()]


async def test_a_hold_that_has_run_out_reads_available_and_is_found_as_such(database: Database, view: SqlSeatView) -> None:
    free, taken = a_seat(EVENING, 1), sold(a_seat(EVENING, 2))
    running, over = held(a_seat(EVENING, 3), NOW + TICK), held(a_seat(EVENING, 4), NOW)
    await put(database, free, taken, running, over)
    seen = a_seat(EVENING, 4)
    assert await walk(view, EVENING, EVERY, 10) == [(free, taken, running, seen)]
    assert await walk(view, EVENING, SeatFilter(status=SeatStatus.AVAILABLE), 10) == [(free, seen)]
    assert await walk(view, EVENING, SeatFilter(status=SeatStatus.HELD), 10) == [(running,)]
    assert await walk(view, EVENING, SeatFilter(status=SeatStatus.SOLD), 10) == [(taken,)]
    assert await walk(view, EVENING, SeatFilter(status=SeatStatus.SOLD, grade="R"), 10) == [()]


async def test_seats_come_in_the_order_of_their_keys(database: Database, view: SqlSeatView) -> None:
    one, two, elsewhere = a_seat(EVENING, 1), held(a_seat(EVENING, 2), NOW + MINUTE), sold(a_seat(MATINEE, 1))
    await put(database, one, two, elsewhere)
    nowhere = SeatId(*MATINEE.id, uid(2))
    assert await view.seats_by_id([elsewhere.id, two.id, nowhere, one.id, two.id]) == [elsewhere, two, None, one, two]
    assert await view.seats_by_id([]) == []


async def test_a_batch_larger_than_a_statement_is_answered_whole(database: Database, view: SqlSeatView) -> None:
    seats = [a_seat(EVENING, number) for number in range(1, CEILING + 30)]
    await put(database, *seats)
    assert await view.seats_by_id([seat.id for seat in reversed(seats)]) == seats[::-1]


async def test_grades_count_what_can_be_had_dearest_first(database: Database, view: SqlSeatView) -> None:
    cheap: dict[str, Any] = {"grade": "S", "price": Won(80_000)}
    await put(
        database,
        a_seat(EVENING, 1),
        held(a_seat(EVENING, 2), NOW),
        held(a_seat(EVENING, 3), NOW + TICK),
        sold(a_seat(EVENING, 4)),
        sold(a_seat(EVENING, 5, **cheap)),
        a_seat(MATINEE, 1, **cheap),
    )
    of_evening = [
        GradeAvailability(grade="VIP", price=Won(150_000), total=4, available=2),
        GradeAvailability(grade="S", price=Won(80_000), total=1, available=0),
    ]
    of_matinee = [GradeAvailability(grade="S", price=Won(80_000), total=1, available=1)]
    nowhere = PerformanceId(CONCERT.id, uid(9))
    assert await view.grades_of([MATINEE.id, nowhere, EVENING.id], NOW) == [of_matinee, [], of_evening]
    assert await view.grades_of([], NOW) == []


async def test_changes_come_oldest_first_from_a_moment_on(database: Database, view: SqlSeatView) -> None:
    await put(database, a_seat(EVENING, 1), changed_at=NOW - TICK)
    await put(database, a_seat(EVENING, 4), a_seat(EVENING, 3), a_seat(MATINEE, 1), changed_at=NOW)
    latest = held(a_seat(EVENING, 2), NOW)
    await put(database, latest, changed_at=NOW + TICK)
    changed = await view.changed_since({EVENING.id: NOW, MATINEE.id: NOW + TICK}, 10)
    assert changed == {EVENING.id: [(NOW, a_seat(EVENING, 3)), (NOW, a_seat(EVENING, 4)), (NOW + TICK, latest)], MATINEE.id: []}
    assert await view.changed_since({EVENING.id: NOW}, 2) == {EVENING.id: [(NOW, a_seat(EVENING, 3)), (NOW, a_seat(EVENING, 4))]}
    assert await view.changed_since({}, 2) == {}
