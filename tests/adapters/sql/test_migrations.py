"""Up, the tables are what the code says; down, nothing is left; two at once do no harm."""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, select, text

from adapters.sql.core_tables import PAYMENTS, RESERVATIONS
from adapters.sql.database import Database, database_at
from adapters.sql.delivery_queue import SqlDeliveryQueue
from adapters.sql.domain_rows import payment_of, reservation_of
from adapters.sql.migrate import downgrade, is_current, migrate
from adapters.sql.tables import Row
from domain.payment import PaymentStatus
from tests.contracts.rows import uid

OWN = set(Row.metadata.tables)
ELSEWHERE = {"alembic_version", "broker_log", "broker_offsets"}
"""Tables that migrations make and ``tables`` does not describe."""


def differences(connection: Connection) -> list[Any]:
    def ours(thing: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
        return kind != "table" or name not in ELSEWHERE

    compared = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": ours})
    return list(compare_metadata(compared, Row.metadata))


def table_names(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def ask(url: str, question: Any) -> Any:
    database: Database = database_at(url)
    await database.open()
    try:
        return await database.write(question)
    finally:
        await database.close()


@pytest.fixture
async def url(empty_url: str) -> str:
    """A migrated database of the test's own, whose tables it may change."""
    await migrate(empty_url)
    return empty_url


async def test_up_the_tables_are_what_the_code_says(empty_url: str) -> None:
    assert not await is_current(empty_url)
    await migrate(empty_url)
    assert await is_current(empty_url)
    assert await ask(empty_url, table_names) - ELSEWHERE == OWN
    assert await ask(empty_url, differences) == []


async def test_texts_compare_by_byte_and_rows_lie_by_key(url: str) -> None:
    """What a comparison of metadata does not see."""

    def options(connection: Connection) -> set[tuple[str, str]]:
        if connection.dialect.name == "sqlite":
            found = connection.execute(text("SELECT name, substr(rtrim(sql, char(10)), -13) FROM sqlite_master WHERE type = 'table'"))
        else:
            found = connection.execute(
                text("SELECT table_name, table_collation FROM information_schema.tables WHERE table_schema = DATABASE()")
            )
        return {(name, option) for name, option in found if name in OWN}

    declared = {str(table.dialect_options["mysql"]["collate"]) for table in Row.metadata.tables.values()}
    assert declared == {"utf8mb4_0900_bin"}
    expected = "WITHOUT ROWID" if url.startswith("sqlite") else "utf8mb4_0900_bin"
    assert await ask(url, options) == {(name, expected) for name in OWN}


async def test_a_difference_would_be_seen(url: str) -> None:
    await ask(url, lambda connection: connection.execute(text("ALTER TABLE tickets ADD COLUMN colour VARCHAR(5)")))
    (((operation, _, table, column),),) = ((found,) for found in await ask(url, differences))
    assert (operation, table, column.name) == ("remove_column", "tickets", "colour")


async def test_down_nothing_is_left(url: str) -> None:
    await downgrade(url)
    assert await ask(url, table_names) == {"alembic_version"}
    assert not await is_current(url)


async def test_migrating_twice_changes_nothing(url: str) -> None:
    await migrate(url)
    assert await ask(url, differences) == []


async def test_payments_from_before_there_were_cards_are_payments_still(url: str) -> None:
    """Up again, their rows have taken the defaults; down, what cards brought is gone and they are not."""
    before = {"key": uid(1).bytes, "at": "2026-11-23 12:00:00.000000"}
    payment = "INSERT INTO payments (concert_id, performance_id, payment_id, reservation_id, user_id, method, status, points_amount, "
    payment += "card_amount, requested_at, paid_at) VALUES (:key, :key, :key, :key, :key, 'POINTS', 'COMPLETED', 50000, 0, :at, :at)"
    reservation = "INSERT INTO reservations (concert_id, performance_id, reservation_id, user_id, total_price, status, expires_at, "
    reservation += "pass_place, created_at, payment_id, sequence) VALUES (:key, :key, :key, :key, 50000, 'CONFIRMED', :at, 7, :at, :key, 1)"
    await downgrade(url, "0002")
    for statement in (payment, reservation):
        await ask(url, lambda connection, statement=statement: connection.execute(text(statement), before))
    await migrate(url)
    [paid] = await ask(url, lambda connection: [payment_of(row) for row in connection.execute(select(PAYMENTS))])
    assert (paid.status, paid.amount, paid.points_taken) == (PaymentStatus.COMPLETED, 50_000, 0)
    assert (paid.order_id, paid.payment_key, paid.decline_code) == (None, None, None)
    [booked] = await ask(url, lambda connection: [reservation_of(row, []) for row in connection.execute(select(RESERVATIONS))])
    assert (booked.payment_id, booked.open_payment_id, booked.unpinned_expires_at) == (paid.id, None, None)
    await downgrade(url, "0002")
    columns = {
        "reservations": {"open_payment_id", "unpinned_expires_at"},
        "payments": {"points_taken", "order_id", "payment_key", "decline_code"},
    }
    for table, gone in columns.items():
        assert not gone & await ask(url, lambda connection, table=table: {c["name"] for c in inspect(connection).get_columns(table)})
    assert await ask(url, lambda connection: connection.execute(text("SELECT COUNT(*) FROM payments")).scalar_one()) == 1
    await migrate(url)
    assert await ask(url, differences) == []


async def test_notifications_from_before_there_were_looks_are_looked_at_and_wait_for_nobody(url: str) -> None:
    """Up again, their rows have taken the defaults; down, what the step brought is gone and they are not."""
    before = {"key": uid(1).bytes, "at": "2026-11-23 12:00:00.000000"}
    row = "INSERT INTO notifications (concert_id, notification_id, event, recipient, channel, template, facts, status, created_at, "
    row += "attempts, first_attempt_at, next_attempt_at, provider_reference) "
    row += "VALUES (:key, :key, :key, :key, 'ALIMTALK', 'PAYMENT_COMPLETED', '{}', 'SENT', :at, 1, :at, :at, 'r-1')"
    await downgrade(url, "0004")
    await ask(url, lambda connection: connection.execute(text(row), before))
    await migrate(url)
    database: Database = database_at(url)
    await database.open()
    try:
        [taken] = await SqlDeliveryQueue(database).claim("follower", 10, 30)
    finally:
        await database.close()
    assert (taken.reference, taken.looks, taken.notification.about, taken.notification.sequence) == ("r-1", 0, None, 0)
    assert taken.taken_at == datetime(2026, 11, 23, 12, tzinfo=UTC)
    await downgrade(url, "0004")
    columns = await ask(url, lambda connection: {column["name"] for column in inspect(connection).get_columns("notifications")})
    assert not columns & {"about", "about_sequence", "looks", "taken_at", "delivered_by"}
    assert await ask(url, lambda connection: connection.execute(text("SELECT COUNT(*) FROM notifications")).scalar_one()) == 1
    await migrate(url)
    assert await ask(url, differences) == []


async def test_an_interrupted_run_is_finished_by_the_next(url: str) -> None:
    """What a killed run leaves on MySQL: some tables, no index of the last one, and no version."""

    def interrupt(connection: Connection) -> None:
        connection.execute(text("DELETE FROM alembic_version"))
        connection.execute(text("DROP TABLE tickets"))
        on_mysql = connection.dialect.name == "mysql"
        connection.execute(text("DROP INDEX ix_seats_changed_at" + (" ON seats" if on_mysql else "")))
        if not on_mysql:
            connection.execute(text("DROP TABLE broker_log"))
            connection.execute(text("DROP TABLE broker_offsets"))

    await ask(url, interrupt)
    await migrate(url)
    assert await is_current(url)
    assert await ask(url, differences) == []


async def test_two_processes_migrate_at_once(empty_url: str) -> None:
    script = "import asyncio, sys; from adapters.sql.migrate import migrate; asyncio.run(migrate(sys.argv[1]))"
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", script, empty_url, stderr=asyncio.subprocess.PIPE) for _ in range(2)
    ]
    ends = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0, 0], ends
    assert await is_current(empty_url)
    assert await ask(empty_url, differences) == []
