"""The contract of PerformanceRefunds."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import update

from adapters.sql import core_tables as tables
from adapters.sql.card_rows import errand_values
from adapters.sql.database import Database
from adapters.sql.performance_refunds import CHECKED, SqlPerformanceRefunds
from application.ports.performance_refunds import RefundProgress
from domain.concert import PerformanceStatus
from domain.gateway_errand import ErrandId, ErrandKind, ErrandState, GatewayErrand
from domain.ids import PaymentId, PerformanceId
from domain.money import Won
from domain.reservation import Reservation, ReservationStatus
from tests.contracts.rows import NOW, a_concert, insert_reservations, insert_rows, uid
from tests.contracts.test_booking_view import a_reservation

PENDING, CONFIRMED = ReservationStatus.PENDING, ReservationStatus.CONFIRMED
CONCERT = a_concert(1)


def evening(number: int) -> PerformanceId:
    return PerformanceId(CONCERT.id, uid(number))


async def put_performances(database: Database, *numbers: int, status: PerformanceStatus = PerformanceStatus.CANCELLED) -> None:
    rows = [
        {"concert_id": CONCERT.id, "performance_id": uid(number), "venue": "올림픽홀", "starts_at": NOW, "status": status}
        for number in numbers
    ]
    await insert_rows(database, tables.PERFORMANCES, rows)


async def set_status(database: Database, performance_id: PerformanceId, status: ReservationStatus) -> None:
    rows = tables.RESERVATIONS
    statement = update(rows).where(rows.c.performance_id == performance_id.performance).values(status=status)
    await database.write(lambda connection: connection.execute(statement))


def in_each_status(performance_id: PerformanceId, statuses: Sequence[ReservationStatus] = tuple(ReservationStatus)) -> list[Reservation]:
    first = 1_000 * performance_id.performance.int
    return [
        a_reservation(first + number, seats=(number,), performance=performance_id, status=status) for number, status in enumerate(statuses)
    ]


@pytest.fixture
def refunds(database: Database) -> SqlPerformanceRefunds:
    return SqlPerformanceRefunds(database)


async def test_only_cancelled_performances_with_something_untouched_are_unfinished(
    database: Database, refunds: SqlPerformanceRefunds
) -> None:
    await put_performances(database, 1, 2, 3, 4)
    await put_performances(database, 5, status=PerformanceStatus.ON_SALE)
    others = (ReservationStatus.CANCELLING, ReservationStatus.CANCELLED, ReservationStatus.EXPIRED)
    for number, statuses in {1: others, 2: (*others, PENDING), 3: (*others, CONFIRMED), 5: (PENDING, CONFIRMED)}.items():
        await insert_reservations(database, in_each_status(evening(number), statuses))
    assert await refunds.unfinished(10) == [evening(2), evening(3)]
    assert await refunds.unfinished(1) == [evening(2)]
    await set_status(database, evening(2), ReservationStatus.CANCELLED)
    assert await refunds.unfinished(1) == [evening(3)]
    await set_status(database, evening(3), ReservationStatus.CANCELLING)
    assert await refunds.unfinished(10) == []


async def test_one_that_is_cancelled_later_is_seen(database: Database, refunds: SqlPerformanceRefunds) -> None:
    await put_performances(database, 1, status=PerformanceStatus.ON_SALE)
    await insert_reservations(database, in_each_status(evening(1)))
    assert await refunds.unfinished(10) == []
    rows = tables.PERFORMANCES
    await database.write(lambda connection: connection.execute(update(rows).values(status=PerformanceStatus.CANCELLED)))
    assert await refunds.unfinished(10) == [evening(1)]


async def test_the_last_of_many_is_found(database: Database, refunds: SqlPerformanceRefunds) -> None:
    numbers = range(1, 2 * CHECKED + 2)
    await put_performances(database, *numbers)
    await insert_reservations(database, in_each_status(evening(numbers[-1])))
    assert await refunds.unfinished(10) == [evening(numbers[-1])]


async def test_what_the_gateway_decides_on_comes_last(database: Database, refunds: SqlPerformanceRefunds) -> None:
    attempt = PaymentId(*evening(1), uid(80))
    states: tuple[dict[str, Any], ...] = (
        {"status": PENDING, "open_payment_id": attempt, "unpinned_expires_at": NOW},
        {"status": CONFIRMED, "payment_id": attempt},
        {"status": ReservationStatus.CANCELLED},
        {"status": PENDING},
        {"status": PENDING, "open_payment_id": attempt},
        {"status": ReservationStatus.EXPIRED, "open_payment_id": attempt},
        {"status": CONFIRMED, "payment_id": attempt},
    )
    found = [a_reservation(number, seats=(number, number + 10), performance=evening(1), **changes) for number, changes in enumerate(states)]
    await insert_reservations(database, [*reversed(found), *in_each_status(evening(2))])
    expected = [found[1], found[3], found[6], found[0], found[4]]
    assert await refunds.reservations_to_refund(evening(1), 10) == expected
    assert await refunds.reservations_to_refund(evening(1), 4) == expected[:4]
    assert await refunds.reservations_to_refund(evening(1), 2) == expected[:2]
    assert await refunds.reservations_to_refund(evening(3), 2) == []


def a_refund(number: int, state: ErrandState, kind: ErrandKind = ErrandKind.CANCEL, **changes: Any) -> GatewayErrand:
    facts: dict[str, Any] = {
        "id": ErrandId(CONCERT.id, uid(number), kind),
        "order_id": f"order-{number}",
        "payment_key": "k",
        "amount": Won(1_000),
        "state": state,
        "created_at": NOW,
    }
    return GatewayErrand(**(facts | changes))


async def test_progress_tells_what_the_gateway_has_from_what_a_person_has(database: Database, refunds: SqlPerformanceRefunds) -> None:
    cancelling = [
        a_reservation(
            number,
            seats=(number,),
            performance=evening(1),
            status=ReservationStatus.CANCELLING,
            payment_id=PaymentId(*evening(1), uid(number)),
        )
        for number in range(20, 26)
    ]
    await insert_reservations(database, [*in_each_status(evening(1)), *cancelling, *in_each_status(evening(2))])
    made = [a_refund(number, ErrandState.OPEN) for number in (20, 21, 22)] + [a_refund(number, ErrandState.MANUAL) for number in (23, 24)]
    made += [a_refund(number, ErrandState.MANUAL, ErrandKind.CONFIRM) for number in (20, 21)]
    names = tables.GATEWAY_ERRANDS.columns.keys()
    await insert_rows(database, tables.GATEWAY_ERRANDS, (dict(zip(names, errand_values(errand), strict=False)) for errand in made))
    assert await refunds.progress(evening(1)) == RefundProgress(left=2, refunding=5, manual=2, done=1)
    assert await refunds.progress(evening(3)) == RefundProgress(left=0, refunding=0, manual=0, done=0)
