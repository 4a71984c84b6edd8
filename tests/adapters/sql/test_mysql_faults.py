"""What a network and a server can do to a group, on a real MySQL."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, closing
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from pymysql.connections import Connection
from pymysql.cursors import Cursor
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import text

from adapters.sql import mysql_session
from adapters.sql.addresses import MysqlAddress
from adapters.sql.database import database_at
from adapters.sql.migrate import migrate
from adapters.sql.mysql_database import MysqlDatabase
from adapters.sql.unit_of_work import SqlUnitOfWork
from adapters.system.jitter import RandomJitter
from adapters.system.sleeper import AsyncioSleeper
from application.ports.unit_of_work import Needs
from application.retrying import Retrying
from application.work import Work
from domain.errors import NotCommitted, OutcomeUnknown, SeatsUnavailable, ServiceUnavailable, Step
from domain.idempotency import IdempotencyKey, IdempotencyRecord
from domain.ids import PaymentId
from tests.adapters.sql.box_office import (
    StillMetrics,
    fan,
    hold,
    open_box_office,
    pay,
    seat_id,
    stored,
    transactor,
)
from tests.adapters.sql.transactions import SHARD, Plain, TickingClock, top_up
from tests.servers import MysqlServer
from tests.servers.databases import connect
from tests.servers.ports import free_port
from tests.servers.proxy import Fault, Proxy, proxy_to

pytestmark = pytest.mark.real

END = b";COMMIT"
"""Ends the packet that writes and commits, and no other."""


@pytest.fixture
async def database(mysql_database: str) -> AsyncIterator[MysqlDatabase]:
    await migrate(mysql_database)
    opened = database_at(mysql_database)
    assert isinstance(opened, MysqlDatabase)
    await opened.open()
    yield opened
    await opened.close()


@asynccontextmanager
async def writing(
    database: MysqlDatabase, *hosts: tuple[str, int], deadline_seconds: float = 5.0, group_size: int = 64
) -> AsyncIterator[SqlUnitOfWork]:
    """A unit of work with one writer, which finds the database by way of these hosts."""
    address = database.address
    reached = MysqlAddress(hosts=hosts or address.hosts, user=address.user, password=address.password, database=address.database)
    unit_of_work = SqlUnitOfWork(
        MysqlDatabase(reached),
        TickingClock(),
        StillMetrics(),
        writers=1,
        group_size=group_size,
        deadline_seconds=deadline_seconds,
        drain_seconds=2,
    )
    await unit_of_work.open()
    try:
        yield unit_of_work
    finally:
        await unit_of_work.close()


@pytest.fixture
async def proxy(database: MysqlDatabase) -> AsyncIterator[Proxy]:
    async with proxy_to(*database.address.hosts[0]) as proxy:
        yield proxy


def through(proxy: Proxy) -> tuple[str, int]:
    return ("127.0.0.1", proxy.port)


async def each(*work: Awaitable[Any]) -> list[Any]:
    return list(await asyncio.gather(*work, return_exceptions=True))


def bystander(database: MysqlDatabase) -> "Connection[Cursor]":
    host, port = database.address.hosts[0]
    connection = connect(f"mysql://{database.address.user}@{host}:{port}/{database.address.database}")
    connection.autocommit(False)
    return connection


def ask(connection: "Connection[Cursor]", query: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


LOCK_ACCOUNT = "SELECT balance FROM point_accounts WHERE user_id = %s FOR UPDATE"
DEADLOCKS = "SELECT count FROM information_schema.innodb_metrics WHERE name = 'lock_deadlocks'"


async def test_a_deadlock_reaches_nobody(database: MysqlDatabase) -> None:
    await open_box_office(database, seats=0, fans=40)
    first, second = sorted((fan(1), fan(2)))
    with closing(bystander(database)) as other:
        ((before,),) = ask(other, DEADLOCKS)
        # It has written more than the group, so the server ends the group's transaction, not this one.
        ask(other, "UPDATE point_accounts SET sequence = sequence + 1 WHERE user_id NOT IN (%s, %s)", first.bytes, fan(30).bytes)
        async with writing(database) as unit_of_work:
            group = asyncio.create_task(each(*(unit_of_work.run(top_up(who)) for who in (first, second, fan(30)))))
            await asyncio.sleep(0.3)
            await asyncio.to_thread(ask, other, LOCK_ACCOUNT, first.bytes)
            other.commit()
            answers = await group
        ((after,),) = ask(other, DEADLOCKS)
    assert after == before + 1
    assert [type(answer) for answer in answers] == [datetime] * 3
    assert len(set(answers)) == 3
    balances = dict(await stored(database, "point_accounts", "user_id", "balance"))
    assert (balances[first], balances[second], balances[fan(30)]) == (1_000_001, 1_000_001, 1_000_001)


async def test_a_row_that_stays_locked_fails_only_who_needs_it(database: MysqlDatabase) -> None:
    await open_box_office(database, seats=0, fans=3)
    with closing(bystander(database)) as other:
        ask(other, LOCK_ACCOUNT, fan(1).bytes)
        async with writing(database) as unit_of_work:
            answers = await each(*(unit_of_work.run(top_up(fan(number))) for number in range(3)))
    assert [type(answer) for answer in answers] == [datetime, NotCommitted, datetime]
    assert sorted(await stored(database, "point_accounts", "balance")) == [(1_000_000,), (1_000_001,), (1_000_001,)]


async def test_a_connection_lost_before_the_commit_changed_nothing(database: MysqlDatabase, proxy: Proxy) -> None:
    async with writing(database, through(proxy)) as unit_of_work:
        proxy.once(Fault.CUT_REQUEST, on=b"FOR UPDATE")
        answers = await each(*(unit_of_work.run(top_up(fan(number))) for number in range(3)))
        assert proxy.faults_done == 1
        assert [type(answer) for answer in answers] == [NotCommitted] * 3
        assert len({id(answer) for answer in answers}) == 3
        assert await stored(database, "point_accounts") == []
        assert type(await unit_of_work.run(top_up(fan(1)))) is datetime
    assert await stored(database, "point_accounts", "balance") == [(1,)]


async def test_after_a_lost_answer_the_retry_finds_what_was_done(database: MysqlDatabase, proxy: Proxy) -> None:
    await open_box_office(database, seats=3, fans=3)
    async with writing(database, through(proxy)) as unit_of_work:
        run = transactor(unit_of_work).run
        reservation_id = await run(hold(fan(1), seat_id(1)))
        proxy.once(Fault.CUT_ANSWER, on=END)
        first, refused = await each(run(pay(fan(1), reservation_id, key="k")), run(hold(fan(2), seat_id(1))))
        assert (type(first), type(refused)) == (OutcomeUnknown, NotCommitted)
        again = await run(pay(fan(1), reservation_id, key="k"))
        with pytest.raises(SeatsUnavailable):
            await run(hold(fan(2), seat_id(1)))
    assert proxy.faults_done == 1
    assert await stored(database, "payments", "payment_id") == [(again.payment,)]
    assert await stored(database, "point_ledger", "amount") == [(-50_000,)]


async def test_a_commit_that_never_arrived_is_not_known_either(database: MysqlDatabase, proxy: Proxy) -> None:
    async with writing(database, through(proxy)) as unit_of_work:
        proxy.once(Fault.CUT_REQUEST, on=END)
        answers = await each(unit_of_work.run(top_up(fan(1))))
        assert [type(answer) for answer in answers] == [OutcomeUnknown]
    assert await stored(database, "point_accounts") == []


@pytest.mark.parametrize(
    ("fault", "on", "expected"), [(Fault.HOLD_REQUEST, b"FOR UPDATE", NotCommitted), (Fault.HOLD_ANSWER, END, OutcomeUnknown)]
)
async def test_a_silent_server_is_not_waited_for_forever(
    database: MysqlDatabase, proxy: Proxy, fault: Fault, on: bytes, expected: type[Exception]
) -> None:
    async with writing(database, through(proxy), deadline_seconds=0.5) as unit_of_work:
        await unit_of_work.run(top_up(fan(0)))
        proxy.once(fault, on=on)
        started = time.monotonic()
        (answer,) = await each(unit_of_work.run(top_up(fan(1))))
        assert type(answer) is expected
        assert 0.4 < time.monotonic() - started < 2
        assert type(await unit_of_work.run(top_up(fan(2)))) is datetime


async def test_a_session_that_was_ended_while_it_rested_is_opened_anew(database: MysqlDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mysql_session, "PING_AFTER_SECONDS", 0.0)
    async with writing(database) as unit_of_work:
        await unit_of_work.run(top_up(fan(1)))
        with closing(bystander(database)) as other:
            sessions = "SELECT id FROM information_schema.processlist WHERE db = %s AND command = 'Sleep'"
            for (session,) in ask(other, sessions, database.address.database):
                ask(other, f"KILL {session}")
        assert type(await unit_of_work.run(top_up(fan(1)))) is datetime
    assert await stored(database, "point_accounts", "balance") == [(2,)]


async def test_the_first_host_that_takes_writes_is_used(database: MysqlDatabase) -> None:
    async with writing(database, ("127.0.0.1", free_port()), *database.address.hosts) as unit_of_work:
        assert type(await unit_of_work.run(top_up(fan(1)))) is datetime


async def test_a_fenced_server_is_not_written_to(database: MysqlDatabase) -> None:
    with closing(bystander(database)) as other:
        async with writing(database) as unit_of_work:
            await unit_of_work.run(top_up(fan(1)))
            ask(other, "SET GLOBAL super_read_only = ON")
            try:
                for _ in range(2):  # the open session is refused, then so is a new one
                    with pytest.raises(NotCommitted):
                        await unit_of_work.run(top_up(fan(1)))
            finally:
                ask(other, "SET GLOBAL super_read_only = OFF")
                ask(other, "SET GLOBAL read_only = OFF")
            await unit_of_work.run(top_up(fan(1)))
    assert await stored(database, "point_accounts", "balance") == [(2,)]


async def test_a_replica_is_not_written_to(database: MysqlDatabase) -> None:
    """It would let a privileged user: whoever asks must see for themselves that it is read-only."""
    with closing(bystander(database)) as other:
        ask(other, "SET GLOBAL read_only = ON")
        try:
            async with writing(database) as unit_of_work:
                with pytest.raises(NotCommitted):
                    await unit_of_work.run(top_up(fan(1)))
        finally:
            ask(other, "SET GLOBAL read_only = OFF")
    assert await stored(database, "point_accounts") == []


async def test_who_comes_second_with_a_key_decides_again_and_finds_the_first(database: MysqlDatabase) -> None:
    key = IdempotencyKey(SHARD, fan(1), "test", "k")
    first = IdempotencyRecord(key=key, fingerprint=b"f" * 32, result=(SHARD,), created_at=TickingClock().now())
    looks: list[IdempotencyRecord | None] = []
    add = "INSERT INTO idempotency_records VALUES (%s, %s, 'test', 'k', %s, %s, %s)"

    def decide(work: Work) -> tuple[UUID, ...]:
        looks.append(work.idempotency.find(key))
        if earlier := work.idempotency.earlier_result(key, b"f" * 32):
            return earlier
        with closing(bystander(database)) as faster:
            ask(faster, add, SHARD.bytes, fan(1).bytes, b"f" * 32, SHARD.bytes, first.created_at.replace(tzinfo=None))
            faster.commit()
        work.remember(key, b"f" * 32, (fan(9),))
        return (fan(9),)

    async with writing(database) as unit_of_work:
        assert await unit_of_work.run(Plain(Needs(shard=SHARD, idempotency=(key,)), decide)) == (SHARD,)
    assert looks == [None, first]


async def test_a_writer_that_dies_fails_what_it_holds_and_is_replaced(database: MysqlDatabase, caplog: pytest.LogCaptureFixture) -> None:
    await open_box_office(database, seats=0, fans=1)
    with closing(bystander(database)) as other:
        ask(other, LOCK_ACCOUNT, fan(0).bytes)
        async with writing(database) as unit_of_work:
            held = asyncio.create_task(unit_of_work.run(top_up(fan(0))))
            await asyncio.sleep(0.3)
            (writer,) = [task for task in asyncio.all_tasks() if task.get_name() == "sql-writer"]
            writer.cancel()
            with pytest.raises(NotCommitted):
                await held
            other.rollback()
            assert type(await unit_of_work.run(top_up(fan(0)))) is datetime
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["a writer died"]
    assert await stored(database, "point_accounts", "balance") == [(1_000_001,)]


async def test_a_killed_server_loses_nothing_that_was_acknowledged() -> None:
    with MysqlServer.started() as server:
        with closing(connect(server.url)) as connection:
            ask(connection, "CREATE DATABASE concert")
        url = f"{server.url}concert"
        await migrate(url)
        database = database_at(url)
        assert isinstance(database, MysqlDatabase)
        await database.open()
        await open_box_office(database, seats=40, fans=40)
        async with writing(database, group_size=3) as unit_of_work:
            run = transactor(unit_of_work).run
            retrying = Retrying(AsyncioSleeper(), RandomJitter(), StillMetrics(), patience=30)
            acknowledged: dict[int, PaymentId] = {}
            five = asyncio.Event()

            async def buy(number: int) -> None:
                reservation = hold(fan(number), seat_id(number))
                reservation_id = await retrying(Step.PAYMENT, lambda: run(reservation))
                payment = pay(fan(number), reservation_id)
                acknowledged[number] = await retrying(Step.PAYMENT, lambda: run(payment))
                if len(acknowledged) >= 5:
                    five.set()

            fans = [asyncio.create_task(buy(number)) for number in range(30)]
            await five.wait()
            server.kill()
            before = dict(acknowledged)
            ends = await each(*fans)
            await asyncio.to_thread(server.restart)
            await asyncio.gather(*(buy(number) for number in range(30, 40)))
        paid = {payment for (payment,) in await stored(database, "payments", "payment_id")}
        spent = {source for source, amount in await stored(database, "point_ledger", "source", "amount") if amount == -50_000}
        await database.close()
    assert 5 <= len(before) < 30
    assert {payment.payment for payment in acknowledged.values()} <= paid
    assert spent == paid
    assert {type(end) for end in ends} <= {type(None), ServiceUnavailable}


@pytest.mark.parametrize("cancelled", [True, False])
async def test_who_is_cancelled_during_a_commit_ends_and_a_late_commit_is_an_unknown_outcome(
    database: MysqlDatabase, mysql_url: str, cancelled: bool
) -> None:
    """A global read lock holds the COMMIT back, not the statement before it."""
    with closing(connect(mysql_url)) as guard, guard.cursor() as cursor:

        def change(connection: SqlConnection) -> None:
            connection.execute(text("INSERT INTO point_accounts VALUES (0x00000000000000000000000000000001, 5, 0)"))
            cursor.execute("FLUSH TABLES WITH READ LOCK")

        writing = asyncio.create_task(database.write(change, deadline_seconds=1.5))
        if cancelled:
            await asyncio.sleep(0.25)
            writing.cancel()
        with pytest.raises(asyncio.CancelledError if cancelled else OutcomeUnknown):
            await writing
        assert writing.cancelled() is cancelled
        cursor.execute("UNLOCK TABLES")
