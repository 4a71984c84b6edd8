"""Who holds what, on either database."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.sql import core_tables as tables
from adapters.sql.database import Database
from adapters.sql.seat_holders import SqlSeatHolders
from domain.ids import BuyerId, ConcertId, PerformanceId, ReservationId, SeatId, UserId
from domain.money import Won
from domain.reservation import Reservation, ReservationStatus
from tests.contracts.rows import MINUTE, NOW, insert_reservations, insert_rows, uid

CONCERT = ConcertId(uid(1))
PERFORMANCE = PerformanceId(CONCERT, uid(2))


def seat(number: int) -> SeatId:
    return SeatId(*PERFORMANCE, uid(100 + number))


def reservation(number: int, *seats: int, ends: timedelta, **changes: Any) -> Reservation:
    held = Reservation(
        id=ReservationId(*PERFORMANCE, uid(number)),
        user_id=UserId(uid(1000 + number)),
        seat_ids=tuple(map(seat, seats)),
        total_price=Won(100),
        status=ReservationStatus.PENDING,
        expires_at=NOW + ends,
        pass_place=1,
        created_at=NOW - 5 * MINUTE,
    )
    return replace(held, **changes)


RUNNING = reservation(1, 1, ends=MINUTE)
OVERDUE = reservation(2, 3, 2, ends=timedelta(0))
OLDER = reservation(3, 4, ends=-MINUTE)
SWEPT = reservation(4, 5, ends=-2 * MINUTE, status=ReservationStatus.EXPIRED)
PAID = reservation(5, 6, ends=-3 * MINUTE, status=ReservationStatus.CONFIRMED)


@pytest.fixture
async def holders(database: Database) -> SqlSeatHolders:
    await insert_reservations(database, (RUNNING, OVERDUE, OLDER, SWEPT, PAID))
    held = [
        (number, owner, "SOLD" if owner is PAID else "HELD", None if owner is PAID else owner.expires_at)
        for owner in (RUNNING, OVERDUE, OLDER, PAID)
        for number in range(1, 7)
        if seat(number) in owner.seat_ids
    ]
    common = {"section": "A", "row": "1", "grade": "R", "price": 100, "changed_at": NOW}
    await insert_rows(
        database,
        tables.SEATS,
        [
            {**dict(zip(("concert_id", "performance_id", "seat_id"), seat(number), strict=True)), **common}
            | {"number": number, "status": status, "reservation_id": owner.id.reservation, "held_until": until}
            for number, owner, status, until in held
        ],
    )
    return SqlSeatHolders(database)


async def test_only_holds_on_these_seats_that_have_run_out_are_overdue(holders: SqlSeatHolders) -> None:
    assert await holders.overdue_on([seat(number) for number in (1, 2, 3, 5, 6, 9)], NOW) == [OVERDUE]
    assert await holders.overdue_on([seat(2), seat(4)], NOW) == [OVERDUE, OLDER]
    assert await holders.overdue_on([seat(2)], NOW - timedelta(microseconds=1)) == []
    assert await holders.overdue_on([], NOW) == []


async def test_the_sweeper_gets_the_oldest_first(holders: SqlSeatHolders) -> None:
    assert await holders.overdue(NOW, 10) == [OLDER, OVERDUE]
    assert await holders.overdue(NOW, 1) == [OLDER]
    assert await holders.overdue(NOW - 2 * MINUTE, 10) == []


async def test_an_open_hold_is_the_one_that_the_buyers_row_names(holders: SqlSeatHolders, database: Database) -> None:
    buyer = {"concert_id": CONCERT, "pass_place": 1, "highest_spent_place": 1, "held": 1, "bought": 0}
    named = {"open_performance_id": PERFORMANCE.performance, "open_reservation_id": RUNNING.id.reservation}
    await insert_rows(database, tables.BUYERS, [buyer | named | {"user_id": RUNNING.user_id}])
    await insert_rows(database, tables.BUYERS, [buyer | {"user_id": PAID.user_id}])
    assert await holders.open_hold(RUNNING.buyer_id) == RUNNING
    assert await holders.open_hold(PAID.buyer_id) is None
    assert await holders.open_hold(BuyerId(CONCERT, UserId(uid(9)))) is None


async def test_a_reservation_is_found_whatever_became_of_it(holders: SqlSeatHolders) -> None:
    assert await holders.reservation(SWEPT.id) == SWEPT
    assert await holders.reservation(ReservationId(*PERFORMANCE, uid(99))) is None
