"""The whole Pay use case while MySQL, or the way to it, fails: one payment, one deduction, or a typed refusal in time."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing

import pytest

from adapters.sql.addresses import MysqlAddress
from adapters.sql.database import database_at
from adapters.sql.migrate import migrate
from adapters.sql.mysql_database import MysqlDatabase
from adapters.sql.unit_of_work import SqlUnitOfWork
from adapters.system.clock import SystemClock
from adapters.system.ids import Uuid7Generator
from adapters.system.jitter import RandomJitter
from adapters.system.sleeper import AsyncioSleeper
from application.booking.pay import Pay, PayCommand
from application.queueing.queue_tokens import QueueTokens
from application.retrying import CALLER_PATIENCE, Retrying
from domain.errors import ServiceUnavailable
from domain.ids import PaymentId, ReservationId
from tests.adapters.sql.box_office import CONCERT, StillMetrics, fan, hold, open_box_office, seat_id, stored, token, transactor
from tests.adapters.sql.test_mysql_faults import DEADLOCKS, END, LOCK_ACCOUNT, ask, bystander, through
from tests.application.test_retrying import Counted
from tests.servers.proxy import Fault, Proxy, proxy_to

pytestmark = pytest.mark.real

TOKENS = QueueTokens({"1": b"the faults' key"})
LOAD = b"FOR UPDATE"
"""Stands in the packet that locks and loads, and in no other."""
CEILINGS = (0.05, 0.1, 0.2, 0.4)
LOCK_BUYER = "SELECT held FROM buyers WHERE concert_id = %s AND user_id = %s FOR UPDATE"
WAITING = "SELECT id FROM information_schema.processlist WHERE db = %s AND info LIKE '%%FOR UPDATE%%' AND id <> CONNECTION_ID()"


class WatchedSleeper(AsyncioSleeper):
    """Sleeps, remembers it, and does something before the next try."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.before_next_try: Callable[[], None] = lambda: None

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.before_next_try()
        await super().sleep(seconds)


class Till:
    """The Pay use case as the container puts it together, and one fan's held seat to pay for."""

    def __init__(self, unit_of_work: SqlUnitOfWork, reservation_id: ReservationId) -> None:
        self.sleeper = WatchedSleeper()
        self.metrics = Counted()
        retrying = Retrying(self.sleeper, RandomJitter(), self.metrics)
        self._pay = Pay(transactor(unit_of_work), retrying, TOKENS, Uuid7Generator())
        self._reservation_id = reservation_id

    async def pay(self) -> PaymentId:
        """Always with the same key."""
        return await self._pay(
            PayCommand(user_id=fan(1), reservation_id=self._reservation_id, queue_token=TOKENS.sign(token(fan(1))), idempotency_key="k")
        )

    @property
    def failures(self) -> list[dict[str, str]]:
        return [labels for name, labels in self.metrics.counts if name == "concert_failures_total"]


@pytest.fixture
async def database(mysql_database: str) -> AsyncIterator[MysqlDatabase]:
    await migrate(mysql_database)
    opened = database_at(mysql_database)
    assert isinstance(opened, MysqlDatabase)
    await opened.open()
    await open_box_office(opened, seats=3, fans=40)
    yield opened
    await opened.close()


@pytest.fixture
async def proxy(database: MysqlDatabase) -> AsyncIterator[Proxy]:
    async with proxy_to(*database.address.hosts[0]) as proxy:
        yield proxy


@asynccontextmanager
async def till_at(database: MysqlDatabase, proxy: Proxy, *, deadline_seconds: float = 5.0) -> AsyncIterator[Till]:
    address = database.address
    reached = MysqlAddress(hosts=(through(proxy),), user=address.user, password=address.password, database=address.database)
    unit_of_work = SqlUnitOfWork(
        MysqlDatabase(reached), SystemClock(), StillMetrics(), writers=1, deadline_seconds=deadline_seconds, drain_seconds=1
    )
    await unit_of_work.open()
    try:
        yield Till(unit_of_work, await transactor(unit_of_work).run(hold(fan(1), seat_id(1))))
    finally:
        await unit_of_work.close()


async def assert_paid_once(database: MysqlDatabase, payment_id: PaymentId) -> None:
    assert await stored(database, "payments", "payment_id", "points_amount") == [(payment_id.payment, 50_000)]
    assert await stored(database, "point_ledger", "amount", "source") == [(-50_000, payment_id.payment)]
    assert dict(await stored(database, "point_accounts", "user_id", "balance"))[fan(1)] == 950_000
    assert await stored(database, "tickets", "payment_id") == [(payment_id.payment,)]
    assert len(await stored(database, "outbox_messages", "id")) == 1
    assert await stored(database, "reservations", "status") == [("CONFIRMED",)]


async def assert_nothing_happened(database: MysqlDatabase) -> None:
    for table in ("payments", "point_ledger", "tickets", "outbox_messages"):
        assert await stored(database, table) == []
    assert set(await stored(database, "point_accounts", "balance")) == {(1_000_000,)}
    assert await stored(database, "reservations", "status") == [("PENDING",)]
    assert sorted(await stored(database, "seats", "status")) == [("AVAILABLE",), ("AVAILABLE",), ("HELD",)]


async def test_a_deadlock_costs_one_jittered_wait(database: MysqlDatabase, proxy: Proxy) -> None:
    async with till_at(database, proxy) as till:
        with closing(bystander(database)) as other:
            ((before,),) = ask(other, DEADLOCKS)
            # It has written more than the payment, so the server ends the payment's transaction, not this one.
            ask(other, "UPDATE point_accounts SET sequence = sequence + 1 WHERE user_id <> %s", fan(1).bytes)
            ask(other, LOCK_ACCOUNT, fan(1).bytes)
            paying = asyncio.create_task(till.pay())
            await asyncio.sleep(0.3)
            await asyncio.to_thread(ask, other, LOCK_BUYER, CONCERT.bytes, fan(1).bytes)
            other.rollback()
            payment_id = await paying
            ((after,),) = ask(other, DEADLOCKS)
    assert after == before + 1
    assert till.failures == [{"step": "point_deduction", "kind": "slow_query_io"}]
    assert len(till.sleeper.slept) == 1
    assert 0 <= till.sleeper.slept[0] < CEILINGS[0]
    await assert_paid_once(database, payment_id)


async def test_a_session_ended_in_the_middle_is_replaced(database: MysqlDatabase, proxy: Proxy) -> None:
    async with till_at(database, proxy) as till:
        with closing(bystander(database)) as other:
            ask(other, LOCK_ACCOUNT, fan(1).bytes)
            paying = asyncio.create_task(till.pay())
            await asyncio.sleep(0.3)
            [(session,)] = ask(other, WAITING, database.address.database)
            ask(other, f"KILL {session}")
            other.rollback()
            payment_id = await paying
    assert len(till.failures) == len(till.sleeper.slept) == 1
    await assert_paid_once(database, payment_id)


@pytest.mark.parametrize(
    ("fault", "on"),
    [
        pytest.param(Fault.CUT_REQUEST, LOAD, id="lost before the rows were locked"),
        pytest.param(Fault.CUT_ANSWER, LOAD, id="lost with the rows locked"),
        pytest.param(Fault.CUT_REQUEST, END, id="lost on the way to COMMIT"),
        pytest.param(Fault.CUT_ANSWER, END, id="the answer to COMMIT lost"),
        pytest.param(Fault.HOLD_ANSWER, END, id="the answer to COMMIT never comes"),
    ],
)
async def test_a_lost_connection_is_one_payment_all_the_same(database: MysqlDatabase, proxy: Proxy, fault: Fault, on: bytes) -> None:
    async with till_at(database, proxy, deadline_seconds=0.5) as till:
        proxy.once(fault, on=on)
        payment_id = await till.pay()
        assert await till.pay() == payment_id
    assert proxy.faults_done == 1
    assert till.failures == [{"step": "payment", "kind": "slow_query_io"}]
    assert len(till.sleeper.slept) == 1
    await assert_paid_once(database, payment_id)


async def test_the_fifth_failure_is_a_typed_refusal_after_growing_jittered_waits(database: MysqlDatabase, proxy: Proxy) -> None:
    async with till_at(database, proxy) as till:
        till.sleeper.before_next_try = lambda: proxy.once(Fault.CUT_REQUEST, on=LOAD)
        till.sleeper.before_next_try()
        began = time.monotonic()
        with pytest.raises(ServiceUnavailable) as refused:
            await till.pay()
        assert time.monotonic() - began < CALLER_PATIENCE
        assert refused.value.retry_after_seconds == 2
        assert proxy.faults_done == 5
        assert till.failures == [{"step": "payment", "kind": "slow_query_io"}] * 5
        assert len(till.sleeper.slept) == 4
        assert all(0 <= wait < ceiling for wait, ceiling in zip(till.sleeper.slept, CEILINGS, strict=True))
        await assert_nothing_happened(database)
        till.sleeper.before_next_try = lambda: None
        payment_id = await till.pay()
    await assert_paid_once(database, payment_id)


async def test_after_five_unknown_outcomes_the_first_of_them_stands(database: MysqlDatabase, proxy: Proxy) -> None:
    """Its COMMIT has arrived; the other tries find it, and of them too nothing is heard."""
    async with till_at(database, proxy) as till:
        proxy.once(Fault.CUT_ANSWER, on=END)
        till.sleeper.before_next_try = lambda: proxy.once(Fault.CUT_ANSWER, on=LOAD)
        with pytest.raises(ServiceUnavailable):
            await till.pay()
        assert proxy.faults_done == 5
        till.sleeper.before_next_try = lambda: None
        payment_id = await till.pay()
    await assert_paid_once(database, payment_id)


async def test_a_silent_server_is_given_up_within_a_callers_patience(database: MysqlDatabase, proxy: Proxy) -> None:
    async with till_at(database, proxy) as till:
        till.sleeper.before_next_try = lambda: proxy.once(Fault.HOLD_REQUEST, on=LOAD)
        till.sleeper.before_next_try()
        began = time.monotonic()
        with pytest.raises(ServiceUnavailable) as refused:
            await till.pay()
        assert time.monotonic() - began < CALLER_PATIENCE + 0.5
        assert refused.value.retry_after_seconds == 2
        assert {tuple(labels.values()) for labels in till.failures} == {("payment", "slow_query_io")}
        await assert_nothing_happened(database)
