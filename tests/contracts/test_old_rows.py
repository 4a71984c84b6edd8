"""The contract of OldRows, for what paying and telling leave behind."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from adapters.sql import core_tables as tables
from adapters.sql.card_rows import order_values
from adapters.sql.database import Database
from adapters.sql.old_rows import closed_errands, ended_notifications, payment_orders
from application.ports.gateway_errands import NextStep
from domain.gateway_errand import ErrandState
from domain.ids import UserId
from domain.money import ZERO, Won
from domain.notification import NotificationStatus
from domain.payment_order import OrderKey, OrderPurpose, PaymentOrder
from tests.contracts.rows import NOW, insert_rows, uid
from tests.contracts.test_gateway_errands import an_errand
from tests.contracts.test_gateway_errands import put as put_errands
from tests.contracts.test_notification_queue import a_notification
from tests.contracts.test_notification_queue import put as put_notifications

ERRANDS, NOTIFICATIONS, ORDERS = tables.GATEWAY_ERRANDS, tables.NOTIFICATIONS, tables.PAYMENT_ORDERS
LATER = NOW + timedelta(days=9)


def an_order(number: int, **changes: Any) -> PaymentOrder:
    facts: dict[str, Any] = {
        "key": OrderKey(uid(501), uid(number)),
        "purpose": OrderPurpose.TOP_UP,
        "user_id": UserId(uid(501)),
        "reservation_id": None,
        "points": ZERO,
        "card_amount": Won(5_000),
        "created_at": NOW + timedelta(seconds=number),
    }
    return PaymentOrder(**(facts | changes))


async def put_orders(database: Database, *orders: PaymentOrder) -> None:
    names = ORDERS.columns.keys()
    await insert_rows(database, ORDERS, (dict(zip(names, order_values(order), strict=True)) for order in orders))


async def left(database: Database, column: Any) -> list[int]:
    return sorted(found.int for (found,) in await database.rows(select(column)))


async def test_closed_errands_go_by_their_age_and_no_other_ever(database: Database) -> None:
    closed = [an_errand(number, state=ErrandState.CLOSED) for number in range(1, 6)]
    await put_errands(database, closed)
    await put_errands(database, [an_errand(number) for number in (11, 12)])
    await put_errands(database, [an_errand(13)], due_at=NOW, next_step=NextStep.LOOK_BACK)
    await put_errands(database, [an_errand(14, state=ErrandState.MANUAL)])
    old = closed_errands(database)
    assert await old.purge(closed[3].created_at, 2) == 2
    assert [await old.purge(closed[3].created_at, 2) for _ in range(2)] == [1, 0]
    assert await left(database, ERRANDS.c.attempt) == [4, 5, 11, 12, 13, 14]
    assert [await old.purge(LATER, 10), await old.purge(LATER, 10)] == [2, 0]
    assert await left(database, ERRANDS.c.attempt) == [11, 12, 13, 14]


async def test_notifications_go_once_they_have_ended_and_by_when_they_were_last_due(database: Database) -> None:
    statuses = list(NotificationStatus)
    for number, status in enumerate(statuses, start=1):
        await put_notifications(database, [replace(a_notification(number), status=status)])
    await put_notifications(database, [a_notification(99)], status="DELIVERED", next_attempt_at=LATER)
    ended = len(statuses) - 2
    assert [await ended_notifications(database).purge(NOW, 4) for _ in range(3)] == [4, ended - 4, 0]
    assert await left(database, NOTIFICATIONS.c.notification_id) == [
        1 + statuses.index(NotificationStatus.PENDING),
        1 + statuses.index(NotificationStatus.SENT),
        99,
    ]


async def test_orders_go_by_their_age(database: Database) -> None:
    await put_orders(database, *(an_order(number) for number in range(1, 6)))
    assert [await payment_orders(database).purge(an_order(4).created_at, 2) for _ in range(3)] == [2, 1, 0]
    assert await left(database, ORDERS.c.attempt) == [4, 5]
