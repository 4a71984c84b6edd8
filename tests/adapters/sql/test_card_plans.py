"""Every statement about errands, top-ups and cancelled performances finds its rows by an index, however large the tables are."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from adapters.sql import core_tables as tables
from adapters.sql.database import Database
from adapters.sql.gateway_errands import SqlGatewayErrands, SqlGatewayErrandView
from adapters.sql.old_rows import closed_errands, payment_orders
from adapters.sql.performance_refunds import SqlPerformanceRefunds
from adapters.sql.top_up_view import SqlTopUpView
from application.ports.gateway_errands import NextStep
from application.ports.performance_refunds import RefundProgress
from domain.concert import PerformanceStatus
from domain.gateway_errand import ErrandId, ErrandKind, ErrandState
from domain.ids import ConcertId, PaymentId, PerformanceId
from domain.reservation import ReservationStatus
from tests.adapters.sql.test_plans import MANY, Explained, user
from tests.contracts.rows import NOW, insert_reservations, insert_rows, uid
from tests.contracts.test_booking_view import a_reservation
from tests.contracts.test_gateway_errands import HOURS_AGO, an_errand
from tests.contracts.test_gateway_errands import put as put_errands
from tests.contracts.test_old_rows import an_order, put_orders
from tests.contracts.test_top_up_view import a_top_up
from tests.contracts.test_top_up_view import put as put_top_ups

EVENING = PerformanceId(ConcertId(uid(1)), uid(7))


async def seed_errands(database: Database) -> None:
    """Most are long closed; some wait for their time, some are due, a few wait for a person."""
    await put_errands(database, [an_errand(n) for n in range(50)])
    await put_errands(database, [an_errand(n) for n in range(50, 100)], due_at=HOURS_AGO)
    await put_errands(database, [an_errand(n) for n in range(100, MANY)], due_at=NOW)
    await put_errands(database, [an_errand(n, state=ErrandState.CLOSED) for n in range(MANY, 8 * MANY)])
    await put_errands(database, [an_errand(n, ErrandKind.CANCEL, state=ErrandState.MANUAL) for n in range(20)])
    await put_orders(database, *(an_order(n) for n in range(8 * MANY)))
    await put_top_ups(database, *(a_top_up(n) for n in range(MANY)))


async def seed_performances(database: Database) -> None:
    """One of many is cancelled; some of its reservations are untouched, some are with the gateway."""
    rows = [
        {
            "concert_id": uid(1),
            "performance_id": uid(n),
            "venue": "올림픽홀",
            "starts_at": NOW,
            "status": PerformanceStatus.CANCELLED if uid(n) == EVENING.performance else PerformanceStatus.ON_SALE,
        }
        for n in range(MANY)
    ]
    await insert_rows(database, tables.PERFORMANCES, rows)
    elsewhere = PerformanceId(ConcertId(uid(1)), uid(8))
    reservations = [a_reservation(n, seats=(n,), performance=elsewhere, user_id=user(n)) for n in range(MANY)]
    reservations += [a_reservation(MANY + n, seats=(n,), performance=EVENING, user_id=user(n)) for n in range(100)]
    reservations += [
        a_reservation(
            MANY + n,
            seats=(n,),
            performance=EVENING,
            user_id=user(n),
            status=ReservationStatus.CANCELLING,
            payment_id=PaymentId(*EVENING, uid(n)),
        )
        for n in range(100, 150)
    ]
    await insert_reservations(database, reservations)
    refunds = [an_errand(n, id=ErrandId(EVENING.concert_id, uid(n), ErrandKind.CANCEL), state=ErrandState.MANUAL) for n in range(100, 110)]
    await put_errands(database, refunds)


@pytest.fixture
async def explained(database: Database) -> AsyncIterator[Explained]:
    await seed_errands(database)
    await seed_performances(database)
    if database.dialect_name == "mysql":
        names = ", ".join(table.name for table in (tables.SEATS.metadata.tables.values()))
        await database.write(lambda connection: connection.execute(text(f"ANALYZE TABLE {names}")).all())
    yield Explained(database)


async def test_running_errands_and_looking_at_them(explained: Explained) -> None:
    errands, view = SqlGatewayErrands(explained), SqlGatewayErrandView(explained)
    claimed = await errands.claim("worker", 60, 90)
    assert len(claimed) == 60
    assert await errands.begin_send("worker", claimed[-1].errand.id)
    await errands.postpone("worker", claimed[1].errand.id, NextStep.LOOK_UP, 5, "UNKNOWN")
    assert await errands.look_back(an_errand(8 * MANY - 1).id, 600)
    assert len(await view.manual(10)) == 10
    assert await view.counts() == {ErrandState.OPEN: MANY + 1, ErrandState.MANUAL: 30}
    assert await closed_errands(explained).purge(NOW + timedelta(seconds=MANY + 20), 50) == 20
    assert await payment_orders(explained).purge(NOW + timedelta(seconds=20), 50) == 20
    assert await SqlTopUpView(explained).top_up(a_top_up(7).id) == a_top_up(7)
    assert explained.explained >= 11
    assert explained.scans == []


async def test_refunding_cancelled_performances(explained: Explained) -> None:
    refunds = SqlPerformanceRefunds(explained)
    assert await refunds.unfinished(10) == [EVENING]
    assert len(await refunds.reservations_to_refund(EVENING, 20)) == 20
    assert await refunds.progress(EVENING) == RefundProgress(left=100, refunding=40, manual=10, done=0)
    assert explained.explained >= 6
    assert explained.scans == []
