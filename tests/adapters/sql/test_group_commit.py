"""Groups larger than one: whatever happens to one command happens to it alone."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from adapters.sql.mysql_database import MysqlDatabase
from adapters.sql.sqlite_database import SqliteDatabase
from adapters.sql.unit_of_work import SqlUnitOfWork
from application.ports.hints import Hints
from application.ports.unit_of_work import Needs
from application.transactor import Listeners, Transactor
from application.work import Work
from domain.concert import PerformanceStatus
from domain.errors import InsufficientPoints, NotCommitted, NotNeeded, ServiceUnavailable, Step
from domain.events import Event, PaymentCompleted
from domain.idempotency import IdempotencyKey
from domain.ids import MessageId, PaymentId, TicketId, UserId
from domain.message import OutboxMessage
from domain.money import Won
from domain.payment import Payment
from domain.ticket import Ticket
from tests.adapters.sql.box_office import (
    CONCERT,
    PERFORMANCE,
    NoHints,
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

AnyDatabase = MysqlDatabase | SqliteDatabase


@pytest.fixture
async def unit_of_work(database: AnyDatabase) -> AsyncIterator[SqlUnitOfWork]:
    """With one writer, so that whatever is started at once is one group."""
    opened = SqlUnitOfWork(database, TickingClock(), StillMetrics(), writers=1)
    await opened.open()
    yield opened
    await opened.close()


async def at_once(unit_of_work: SqlUnitOfWork, *transactions: Plain[Any]) -> list[Any]:
    return list(await asyncio.gather(*(unit_of_work.run(transaction) for transaction in transactions), return_exceptions=True))


def refusing(user_id: UserId) -> Plain[Any]:
    """Changes its rows first, and refuses then."""

    def refuse(work: Work) -> None:
        raise InsufficientPoints(Won(0), Won(1))

    return top_up(user_id, then=refuse)


async def test_what_waits_together_commits_together(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    moments = await at_once(unit_of_work, *(top_up(fan(number)) for number in range(5)))
    later = await unit_of_work.run(top_up(fan(0)))
    assert len(set(moments)) == 1
    assert later > moments[0]
    assert await stored(database, "point_accounts", "balance") == [(1,), (1,), (1,), (1,), (2,)]


async def test_no_group_is_larger_than_its_limit(database: AnyDatabase) -> None:
    unit_of_work = SqlUnitOfWork(database, TickingClock(), StillMetrics(), writers=1, group_size=4)
    await unit_of_work.open()
    moments = await at_once(unit_of_work, *(top_up(fan(number)) for number in range(10)))
    await unit_of_work.close()
    assert sorted(Counter(moments).values()) == [2, 4, 4]


async def test_shards_do_not_share_a_commit(unit_of_work: SqlUnitOfWork) -> None:
    moments = await at_once(unit_of_work, *(top_up(fan(number), shard=UUID(int=number % 2)) for number in range(6)))
    assert len({moments[0], moments[2], moments[4]}) == 1
    assert len({moments[1], moments[3], moments[5]}) == 1
    assert moments[0] != moments[1]


async def test_each_sees_what_those_before_it_left(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    def balance(work: Work) -> tuple[datetime, int]:
        return work.now, work.point_accounts.get(fan(1)).balance

    answers = await at_once(unit_of_work, *(top_up(fan(1), then=balance) for _ in range(4)))
    assert [seen for _, seen in answers] == [1, 2, 3, 4]
    assert len({moment for moment, _ in answers}) == 1
    assert await stored(database, "point_ledger", "sequence", "balance_after") == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert await stored(database, "point_accounts", "balance", "sequence") == [(4, 4)]


async def test_a_refusal_drops_its_own_changes_only(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    first, refused, last = await at_once(unit_of_work, top_up(fan(1)), refusing(fan(1)), top_up(fan(1)))
    assert first == last
    assert isinstance(refused, InsufficientPoints)
    assert await stored(database, "point_accounts", "balance") == [(2,)]
    assert await stored(database, "point_ledger", "sequence") == [(1,), (2,)]


async def test_a_mistake_in_one_is_its_own(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    unnamed = Plain(Needs(shard=SHARD), lambda work: work.point_accounts.get(fan(1)))
    broken: Plain[Any] = Plain(Needs(shard=SHARD), lambda work: work.events.remove(work))  # type: ignore[arg-type]
    answers = await at_once(unit_of_work, unnamed, top_up(fan(1)), broken)
    assert [type(answer) for answer in answers] == [NotNeeded, datetime, ValueError]
    assert await stored(database, "point_accounts", "balance") == [(1,)]


async def test_rows_that_are_not_there_are_not_found(unit_of_work: SqlUnitOfWork) -> None:
    key = IdempotencyKey(SHARD, fan(1), "pay", "k")
    needs = Needs(shard=SHARD, point_accounts=(fan(1),), seats=(seat_id(1),), idempotency=(key,), inbox=(MessageId(UUID(int=1)),))

    def look(work: Work) -> list[Any]:
        return [
            work.point_accounts.find(fan(1)),
            work.seats.find(seat_id(1)),
            work.idempotency.find(key),
            work.inbox.find(MessageId(UUID(int=1))),
        ]

    assert await unit_of_work.run(Plain(needs, look)) == [None, None, None, None]


async def test_what_is_only_shared_cannot_be_changed(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    await open_box_office(database, seats=0, fans=0)

    def call_off(work: Work) -> None:
        work.performances.change(replace(work.performances.get(PERFORMANCE), status=PerformanceStatus.CANCELLED))

    shared = Plain(Needs(shard=CONCERT, shared_performances=(PERFORMANCE,)), call_off)
    locked = Plain(Needs(shard=CONCERT, performances=(PERFORMANCE,)), call_off)
    with pytest.raises(NotNeeded):
        await unit_of_work.run(shared)
    assert await stored(database, "performances", "status") == [("ON_SALE",)]
    await at_once(unit_of_work, shared, locked)
    assert await stored(database, "performances", "status") == [("CANCELLED",)]


def live_ticket(number: int) -> Plain[None]:
    """Another live ticket for one and the same seat."""
    ticket = Ticket(
        id=TicketId(*PERFORMANCE, UUID(int=number)),
        seat_id=seat_id(1),
        reservation_id=hold(fan(1)).reservation_id,
        payment_id=PaymentId(*PERFORMANCE, UUID(int=number)),
        user_id=fan(1),
        issued_at=TickingClock().now(),
    )
    return Plain(Needs(shard=SHARD), lambda work: work.tickets.add(ticket))


async def test_a_row_that_the_database_refuses_fails_its_own_command(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    await unit_of_work.run(live_ticket(1))
    first, refused, last = await at_once(unit_of_work, top_up(fan(1)), live_ticket(2), top_up(fan(2)))
    assert isinstance(refused, NotCommitted)
    assert refused.step is Step.TICKET_ISSUANCE
    assert (type(first), type(last)) == (datetime, datetime)
    assert await stored(database, "point_accounts", "balance") == [(1,), (1,)]
    assert await stored(database, "tickets", "ticket_id") == [(UUID(int=1),)]


async def test_a_value_that_no_column_holds_fails_its_own_command(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    naive = Payment.with_points(
        PaymentId(*PERFORMANCE, UUID(int=1)), hold(fan(1)).reservation_id, fan(1), Won(1), TickingClock().now().replace(tzinfo=None)
    )
    poison = Plain(Needs(shard=SHARD), lambda work: work.payments.add(naive))
    unwritable_key = IdempotencyKey(SHARD, fan(1), "pay", "\ud800")
    unreadable = Plain(Needs(shard=SHARD, idempotency=(unwritable_key,)), lambda work: work.now)
    answers = await at_once(unit_of_work, top_up(fan(1)), poison, unreadable, top_up(fan(2)))
    assert [type(answer) for answer in answers] == [datetime, ValueError, UnicodeEncodeError, datetime]
    assert await stored(database, "point_accounts", "balance") == [(1,), (1,)]
    assert await stored(database, "payments") == []


def message(number: int, sequence: int) -> OutboxMessage:
    return OutboxMessage(
        id=MessageId(UUID(int=number)),
        shard_key=SHARD,
        aggregate_type="test",
        key=UUID(int=9),
        type="Tested",
        version=1,
        sequence=sequence,
        occurred_at=TickingClock().now(),
        payload="{}",
    )


async def test_of_two_that_add_the_same_row_one_does(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    add = Plain(Needs(shard=SHARD), lambda work: work.outbox.add(message(1, 1)))
    first, second, other = await at_once(unit_of_work, add, add, top_up(fan(1)))
    assert first is None
    assert isinstance(second, NotCommitted)
    assert second.step is Step.OUTBOX
    assert type(other) is datetime
    assert await stored(database, "outbox_messages", "id") == [(UUID(int=1),)]
    assert await stored(database, "point_accounts", "balance") == [(1,)]


async def test_the_same_key_twice_in_a_group_is_one_effect(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    await open_box_office(database, seats=2, fans=2)
    run = transactor(unit_of_work).run
    reservation_id = await run(hold(fan(0), seat_id(0)))
    first, second, third = await asyncio.gather(*(run(pay(fan(0), reservation_id, key="k")) for _ in range(3)))
    assert first == second == third
    assert await stored(database, "payments", "payment_id") == [(first.payment,)]
    assert await stored(database, "point_ledger", "amount") == [(-50_000,)]
    assert await stored(database, "tickets", "seat_id", "live") == [(seat_id(0).seat, 1)]


class CountingHints(NoHints):
    def __init__(self) -> None:
        self.said: list[Any] = []

    async def wake_relay(self) -> None:
        self.said.append("wake")


async def test_listeners_hear_each_event_of_a_group_once(unit_of_work: SqlUnitOfWork) -> None:
    heard: list[UUID] = []
    hints = CountingHints()

    async def hint(event: PaymentCompleted, hints: Hints) -> None:
        await hints.wake_relay()

    listeners: dict[type[Event], Listeners] = {
        PaymentCompleted: Listeners(before_commit=(lambda event, work: heard.append(event.payment.id.payment),), after_commit=(hint,))
    }

    def paid(number: int) -> Plain[None]:
        def body(work: Work) -> None:
            payment = Payment.with_points(PaymentId(*PERFORMANCE, UUID(int=number)), reservation_id, fan(1), Won(1), work.now)
            work.payments.add(payment)
            work.raise_event(PaymentCompleted(at=work.now, payment=payment))

        return Plain(Needs(shard=SHARD), body)

    reservation_id = hold(fan(1)).reservation_id
    run = Transactor(unit_of_work, listeners, hints, StillMetrics()).run
    await asyncio.gather(*(run(paid(number)) for number in range(5)))
    assert heard == [UUID(int=number) for number in range(5)]
    assert hints.said == ["wake"] * 5


async def test_who_goes_away_before_the_group_forms_is_not_served(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    tasks = [asyncio.create_task(unit_of_work.run(top_up(fan(number)))) for number in range(3)]
    asyncio.get_running_loop().call_soon(tasks[1].cancel)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [datetime, asyncio.CancelledError, datetime]
    assert await stored(database, "point_accounts", "balance") == [(1,), (1,)]


async def test_who_goes_away_in_the_middle_takes_nobody_along(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[Any]] = []

    def cancel_neighbour(work: Work) -> datetime:
        loop.call_soon_threadsafe(tasks[1].cancel)
        return work.now

    transactions = [top_up(fan(0), then=cancel_neighbour), top_up(fan(1)), top_up(fan(2))]
    tasks += [asyncio.create_task(unit_of_work.run(transaction)) for transaction in transactions]
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [datetime, asyncio.CancelledError, datetime]
    assert answers[0] == answers[2]
    assert await stored(database, "point_accounts", "balance") == [(1,), (1,), (1,)]
    assert type(await unit_of_work.run(top_up(fan(1)))) is datetime


async def test_the_waiting_room_is_bounded(database: AnyDatabase) -> None:
    unit_of_work = SqlUnitOfWork(database, TickingClock(), StillMetrics(), waiting=3)
    waiting = [asyncio.create_task(unit_of_work.run(top_up(fan(number)))) for number in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(ServiceUnavailable):
        await unit_of_work.run(top_up(fan(9)))
    await unit_of_work.open()
    await asyncio.gather(*waiting)
    assert type(await unit_of_work.run(top_up(fan(9)))) is datetime
    await unit_of_work.close()
    assert len(await stored(database, "point_accounts")) == 4


async def test_closing_finishes_what_waits_and_takes_no_more(database: AnyDatabase) -> None:
    unit_of_work = SqlUnitOfWork(database, TickingClock(), StillMetrics(), group_size=2)
    await unit_of_work.open()
    waiting = [asyncio.create_task(unit_of_work.run(top_up(fan(number)))) for number in range(9)]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await unit_of_work.close()
    assert all(task.done() for task in waiting)
    with pytest.raises(ServiceUnavailable):
        await unit_of_work.run(top_up(fan(10)))
    assert await stored(database, "point_accounts", "balance") == [(1,)] * 9


async def test_what_never_got_a_writer_is_told_so(database: AnyDatabase) -> None:
    unit_of_work = SqlUnitOfWork(database, TickingClock(), StillMetrics())
    waiting = asyncio.create_task(unit_of_work.run(top_up(fan(1))))
    await asyncio.sleep(0)
    await unit_of_work.close()
    with pytest.raises(NotCommitted):
        await waiting
    assert await stored(database, "point_accounts") == []
