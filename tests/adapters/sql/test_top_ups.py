"""The saga of a top-up in the database: points enter the account once, when the charge is proved."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from adapters.sql.gateway_errands import SqlGatewayErrands
from adapters.sql.mysql_database import MysqlDatabase
from adapters.sql.sqlite_database import SqliteDatabase
from adapters.sql.top_up_view import SqlTopUpView
from adapters.sql.unit_of_work import SqlUnitOfWork
from application.points.prepare_top_up import MintTopUpOrder
from application.points.top_up_points import RequestTopUp, TopUpCommand
from application.recovery.top_up_saga import CompleteTopUp, DoubtTopUp, FailTopUp, HandOverTopUp
from domain.errors import IdempotencyConflict, InvalidAmount
from domain.gateway_errand import ErrandKind
from domain.ids import TopUpId
from domain.money import Won
from domain.payment import PaymentStatus
from domain.payment_order import order_id_of
from tests.adapters.sql.box_office import StillMetrics, fan, stored, transactor
from tests.contracts.clocks import FixedClock

AnyDatabase = MysqlDatabase | SqliteDatabase

FAN = fan(1)
"""Without an account yet: its row comes with the first won."""
TOP_UP = TopUpId(FAN, UUID(int=0x707))
AMOUNT = Won(50_000)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def asking(key: str = "k", payment_key: str = "card") -> RequestTopUp:
    command = TopUpCommand(user_id=FAN, order_id=order_id_of(TOP_UP), amount=AMOUNT, payment_key=payment_key, idempotency_key=key)
    return RequestTopUp(command=command, id=TOP_UP, amount=AMOUNT)


@pytest.fixture
async def unit_of_work(database: AnyDatabase) -> AsyncIterator[SqlUnitOfWork]:
    opened = SqlUnitOfWork(database, FixedClock(NOW), StillMetrics())
    await opened.open()
    await opened.run(MintTopUpOrder(id=TOP_UP, amount=AMOUNT))
    yield opened
    await opened.close()


async def rows(database: AnyDatabase) -> dict[str, list[tuple[Any, ...]]]:
    names = "payment_orders top_ups gateway_errands point_accounts point_ledger idempotency_records"
    return {name: await stored(database, name) for name in names.split()}


async def test_a_request_writes_the_errand_and_no_points(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    assert await stored(database, "payment_orders") == [(FAN, TOP_UP.top_up, "TOP_UP", FAN, None, None, 0, AMOUNT, NOW)]
    assert await transactor(unit_of_work).run(asking()) == TOP_UP
    assert await stored(database, "top_ups") == [(FAN, TOP_UP.top_up, AMOUNT, "REQUESTED", order_id_of(TOP_UP), "card", NOW, None, None)]
    [due] = await SqlGatewayErrands(database).claim("worker", 10, 60)
    assert (due.errand.id, due.errand.order_id, due.errand.amount) == (
        (FAN, TOP_UP.top_up, ErrandKind.CONFIRM),
        order_id_of(TOP_UP),
        AMOUNT,
    )
    assert await stored(database, "point_accounts") == []


async def test_a_proved_charge_is_points_once(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    await transactor(unit_of_work).run(asking())
    complete = CompleteTopUp(id=TOP_UP)
    assert await asyncio.gather(*(unit_of_work.run(complete) for _ in range(3))) == [PaymentStatus.COMPLETED] * 3
    before = await rows(database)
    for late in (complete, FailTopUp(id=TOP_UP, decline_code="LATE"), DoubtTopUp(id=TOP_UP), HandOverTopUp(id=TOP_UP)):
        assert await unit_of_work.run(late) is PaymentStatus.COMPLETED
    assert await rows(database) == before
    assert before["point_accounts"] == [(FAN, 50_000, 1)]
    assert await stored(database, "point_ledger", "kind", "amount", "balance_after", "source") == [
        ("TOP_UP", 50_000, 50_000, TOP_UP.top_up)
    ]
    assert await stored(database, "gateway_errands", "kind", "state") == [("CONFIRM", "CLOSED")]
    found = await SqlTopUpView(database).top_up(TOP_UP)
    assert found is not None
    assert (found.status, found.completed_at, found.decline_code) == (PaymentStatus.COMPLETED, NOW, None)


async def test_a_declined_one_is_no_points(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    await transactor(unit_of_work).run(asking())
    assert await unit_of_work.run(DoubtTopUp(id=TOP_UP)) is PaymentStatus.IN_DOUBT
    assert await unit_of_work.run(FailTopUp(id=TOP_UP, decline_code="REJECT")) is PaymentStatus.FAILED
    assert await stored(database, "top_ups", "status", "completed_at", "decline_code") == [("FAILED", None, "REJECT")]
    assert await stored(database, "point_accounts") == []
    assert await stored(database, "gateway_errands", "state") == [("CLOSED",)]


async def test_what_no_rule_fits_is_handed_over(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    await transactor(unit_of_work).run(asking())
    assert await unit_of_work.run(HandOverTopUp(id=TOP_UP)) is PaymentStatus.REQUESTED
    assert await stored(database, "gateway_errands", "state") == [("MANUAL",)]
    assert await SqlGatewayErrands(database).claim("worker", 10, 60) == []


async def test_one_order_asked_for_by_many_at_once_is_one_top_up(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    """Nobody has an account to be locked by: the order's row is what they line up at."""
    other = SqlUnitOfWork(database, FixedClock(NOW), StillMetrics(), group_size=1, writers=4)
    await other.open()
    answers = await asyncio.gather(
        *(other.run(asking(f"key {number}")) for number in range(12)),
        *(unit_of_work.run(asking("key 1")) for _ in range(4)),
    )
    await other.close()
    assert answers == [TOP_UP] * 16
    assert len(await stored(database, "top_ups")) == 1
    assert len(await stored(database, "gateway_errands")) == 1


async def test_another_card_or_another_amount_is_another_thing(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    await transactor(unit_of_work).run(asking())
    before = await rows(database)
    with pytest.raises(IdempotencyConflict):
        await unit_of_work.run(asking("another", payment_key="another card"))
    unordered = RequestTopUp(command=asking("third").command, id=TopUpId(FAN, UUID(int=0x708)), amount=AMOUNT)
    with pytest.raises(InvalidAmount):
        await unit_of_work.run(unordered)
    assert await rows(database) == before
