"""Which rows are locked, and in which order."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiomysql
import pytest

from adapters.sql import mysql_session
from adapters.sql.database import database_at
from adapters.sql.mysql_database import MysqlDatabase
from adapters.sql.mysql_wire import exchange
from adapters.sql.unit_of_work import SqlUnitOfWork
from adapters.system.clock import SystemClock
from application.ports.unit_of_work import Needs, Transaction
from application.recovery.payment_saga import CompleteCardPayment, FinishRefund
from application.work import Work
from domain.gateway_errand import ErrandId, ErrandKind
from domain.ids import MessageId, PaymentId, ReservationId, TicketId, TopUpId
from domain.payment_order import OrderKey
from domain.reservation import Reservation
from tests.adapters.sql.box_office import CONCERT, PERFORMANCE, StillMetrics, fan, hold, open_box_office, pay, seat_id, transactor
from tests.adapters.sql.card_desk import CardDesk, attempt, mint, pin
from tests.adapters.sql.transactions import Plain
from tests.contracts.clocks import FixedClock
from tests.servers.databases import connect

pytestmark = pytest.mark.real

LOCKS = (
    "SELECT object_name, lock_mode, lock_data FROM performance_schema.data_locks "
    "WHERE object_schema = DATABASE() AND lock_type = 'RECORD' AND lock_status = 'GRANTED'"
)

Locks = set[tuple[str, str, tuple[UUID, ...]]]


@pytest.fixture
async def database(emptied_mysql_url: str) -> AsyncIterator[MysqlDatabase]:
    opened = database_at(emptied_mysql_url)
    assert isinstance(opened, MysqlDatabase)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def unit_of_work(database: MysqlDatabase) -> AsyncIterator[SqlUnitOfWork]:
    opened = SqlUnitOfWork(database, SystemClock(), StillMetrics(), writers=1)
    await opened.open()
    yield opened
    await opened.close()


def ids(text: str) -> tuple[UUID, ...]:
    """The binary parts of a key; texts stand beside them and are left out."""
    return tuple(UUID(part) for part in re.findall(r"0x([0-9A-F]{32})", text))


class LookAtLocks:
    """Decides as another does, and looks first, from another connection, at what its group has locked."""

    def __init__(self, inner: Transaction[Any], url: str) -> None:
        self._inner = inner
        self._url = url
        self.locks: Locks = set()

    def needs(self) -> Needs:
        return self._inner.needs()

    def decide(self, work: Work) -> Any:
        with closing(connect(self._url)) as connection, connection.cursor() as cursor:
            cursor.execute(LOCKS)
            found = cursor.fetchall()
        assert {mode for _, mode, _ in found} == {"X,REC_NOT_GAP", "S,REC_NOT_GAP"}
        self.locks = {(table, mode[0], ids(data)) for table, mode, data in found}
        return self._inner.decide(work)


def named(transactions: Sequence[Transaction[Any]], seats: Sequence[Any]) -> Locks:
    """What they name, and the seats that their reservations bring along, as locks; of rows that are there."""
    locks: Locks = {("concerts", "S", (CONCERT,)), ("performances", "S", PERFORMANCE)}
    for needs in (transaction.needs() for transaction in transactions):
        locks |= {("buyers", "X", key) for key in needs.buyers}
        locks |= {("reservations", "X", key) for key in needs.reservations}
        locks |= {("point_accounts", "X", (key,)) for key in needs.point_accounts}
        locks |= {("seats", "X", key) for key in needs.seats}
    return locks | {("seats", "X", key) for key in seats}


async def test_no_row_is_locked_that_was_not_named(unit_of_work: SqlUnitOfWork, database: MysqlDatabase, emptied_mysql_url: str) -> None:
    await open_box_office(database, seats=300, fans=120)
    run = transactor(unit_of_work).run
    held = await asyncio.gather(*(run(hold(fan(number), seat_id(number), seat_id(299 - number))) for number in range(100)))
    payments = [pay(fan(number), held[number]) for number in range(0, 100, 3)]
    holds = [hold(fan(110), seat_id(150)), hold(fan(111), seat_id(7), seat_id(152))]
    looking = LookAtLocks(payments[-1], emptied_mysql_url)
    group: list[Transaction[Any]] = [*payments[:-1], *holds, looking]
    await asyncio.gather(*(run(transaction) for transaction in group), return_exceptions=True)
    brought = [seat for number in range(0, 100, 3) for seat in (seat_id(number), seat_id(299 - number))]
    assert looking.locks == named([*payments, *holds], brought)


async def test_alone_as_well(unit_of_work: SqlUnitOfWork, database: MysqlDatabase, emptied_mysql_url: str) -> None:
    await open_box_office(database, seats=30, fans=10)
    run = transactor(unit_of_work).run
    held = await asyncio.gather(*(run(hold(fan(number), seat_id(number), seat_id(29 - number))) for number in range(9)))
    payment = LookAtLocks(pay(fan(4), held[4]), emptied_mysql_url)
    await run(payment)
    assert payment.locks == named([payment], [seat_id(4), seat_id(25)])
    another = LookAtLocks(hold(fan(9), seat_id(15), seat_id(12)), emptied_mysql_url)
    await run(another)
    assert another.locks == named([another], [])


async def test_a_take_over_locks_the_old_hold_and_nothing_beside(
    unit_of_work: SqlUnitOfWork, database: MysqlDatabase, emptied_mysql_url: str
) -> None:
    await open_box_office(database, seats=30, fans=10)
    run = transactor(unit_of_work).run
    short = [replace(hold(fan(number), seat_id(number), seat_id(20 - number)), duration=timedelta(0)) for number in range(3)]
    old = await asyncio.gather(*(run(transaction) for transaction in short))
    found: list[Reservation] = []
    await unit_of_work.run(
        Plain(Needs(shard=CONCERT, reservations=tuple(old)), lambda work: found.extend(work.reservations.get(key) for key in old))
    )
    take_over = LookAtLocks(hold(fan(5), seat_id(1), seat_id(9), overdue=(found[1],)), emptied_mysql_url)
    assert await run(take_over) == take_over._inner.reservation_id  # type: ignore[attr-defined]
    assert take_over.locks == named([take_over], [seat_id(1), seat_id(19)])


@pytest.fixture
async def desk(database: MysqlDatabase, unit_of_work: SqlUnitOfWork) -> CardDesk:
    """Nine fans whose card payments are open, each for two seats of their own."""
    await open_box_office(database, seats=30, fans=9)
    desk = CardDesk(database, unit_of_work, FixedClock())
    for number in range(9):
        reservation_id = await desk.held(seat_id(number), seat_id(29 - number), user_id=fan(number))
        await desk.run(mint(reservation_id, 10_000, attempt(number), fan(number)))
        await desk.run(pin(reservation_id, attempt(number), user_id=fan(number)))
    return desk


async def test_asking_a_gateway_locks_its_order(desk: CardDesk, emptied_mysql_url: str) -> None:
    again = LookAtLocks(pin((await desk.payment(attempt(4))).reservation_id, attempt(4), user_id=fan(4)), emptied_mysql_url)
    assert await desk.run(again) == attempt(4)
    owned = {("payments", "X", attempt(4)), ("payment_orders", "X", (CONCERT, attempt(4).payment))}
    earlier = {("idempotency_records", "X", (CONCERT, fan(4)))}
    assert again.locks == named([again], [seat_id(4), seat_id(25)]) | owned | earlier


async def test_a_settlement_locks_its_booking_and_its_errands(desk: CardDesk, emptied_mysql_url: str) -> None:
    complete = LookAtLocks(await desk.settlement(CompleteCardPayment, attempt(0)), emptied_mysql_url)
    await desk.run(complete)
    booking = named([complete], [seat_id(0), seat_id(29)])
    owned = {("payments", "X", attempt(0)), ("gateway_errands", "X", (CONCERT, attempt(0).payment))}
    assert complete.locks == booking | owned

    await desk.cancel((await desk.payment(attempt(0))).reservation_id, "cancel")
    finish = LookAtLocks(await desk.settlement(FinishRefund, attempt(0)), emptied_mysql_url)
    await desk.run(finish)
    tickets = {("tickets", "X", tuple(key)) for key in finish.needs().tickets}
    assert len(tickets) == 2
    assert finish.locks == booking | owned | tickets


async def test_kinds_are_locked_in_one_order_and_keys_within_them(
    unit_of_work: SqlUnitOfWork, database: MysqlDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    async def listening(connection: aiomysql.Connection, statements: bytes) -> list[list[list[bytes | None]]]:
        sent.append(statements.decode())
        return await exchange(connection, statements)

    monkeypatch.setattr(mysql_session, "exchange", listening)
    everything = Needs(
        shard=CONCERT,
        errands=(ErrandId(CONCERT, UUID(int=1), ErrandKind.CONFIRM),),
        top_ups=(TopUpId(fan(1), UUID(int=1)),),
        orders=(OrderKey(CONCERT, UUID(int=1)),),
        contacts=(fan(1),),
        inbox=(MessageId(UUID(int=1)),),
        idempotency=(pay(fan(1), ReservationId(*PERFORMANCE, UUID(int=1))).command.idempotency,),
        tickets=(TicketId(*PERFORMANCE, UUID(int=1)),),
        payments=(PaymentId(*PERFORMANCE, UUID(int=1)),),
        point_accounts=(fan(2), fan(1)),
        seats=(seat_id(2), seat_id(1)),
        reservations=(ReservationId(*PERFORMANCE, UUID(int=2)), ReservationId(*PERFORMANCE, UUID(int=1))),
        buyers=((CONCERT, fan(1)),),  # type: ignore[arg-type]
        performances=(PERFORMANCE,),
        shared_performances=(PERFORMANCE,),
        queues=(CONCERT,),
        shared_queues=(CONCERT,),
    )
    await unit_of_work.run(Plain(everything, lambda work: None))
    begin, *selects = sent[0].split(";")
    assert begin == "START TRANSACTION"
    assert [re.findall(r"(?:FROM|JOIN) (?:\(SELECT .*? FROM )?`?(\w+)", select)[0] for select in selects] == [
        "concert_queues",
        "performances",
        "buyers",
        "reservations",
        "reservation_seats",
        "point_accounts",
        "payments",
        "tickets",
        "idempotency_records",
        "inbox",
        "contacts",
        "payment_orders",
        "top_ups",
        "gateway_errands",
    ]
    assert all("FORCE INDEX (PRIMARY)" in select and "FOR UPDATE" in select and "ORDER BY" in select for select in selects)
    assert selects[4].count("FOR UPDATE OF seats") == 1
    assert sent[1] == "ROLLBACK"
