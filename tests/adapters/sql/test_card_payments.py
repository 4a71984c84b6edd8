"""The saga of a card payment in the database: each of its steps leaves exactly the rows it says."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from adapters.sql.attempt import Attempt, Command
from adapters.sql.core_tables import GATEWAY_ERRANDS
from adapters.sql.gateway_errands import SqlGatewayErrands, SqlGatewayErrandView
from adapters.sql.mysql_database import MysqlDatabase
from adapters.sql.mysql_statements import load_statements
from adapters.sql.sqlite_database import SqliteDatabase
from adapters.sql.unit_of_work import SqlUnitOfWork
from application.booking.pay_by_card import PINNED_FOR
from application.ports.gateway_errands import NextStep
from application.recovery.payment_saga import CompleteCardPayment, DoubtCardPayment, FailCardPayment, FinishRefund, RefuseRefund
from domain.errors import PaymentPending
from domain.gateway_errand import ErrandKind, ErrandState
from domain.ids import ReservationId
from domain.payment import PaymentStatus
from domain.payment_order import order_id_of
from domain.reservation import HOLD_DURATION, ReservationStatus
from tests.adapters.sql.box_office import CONCERT, StillMetrics, hold, open_box_office, pay, seat_id, stored
from tests.adapters.sql.card_desk import CARD_KEY, FAN, RIVAL, CardDesk, attempt, mint, pin
from tests.contracts.clocks import FixedClock

A, B = seat_id(0), seat_id(1)
FIRST, SECOND = attempt(1), attempt(2)
PAYMENT = ("status", "points_amount", "card_amount", "points_taken", "paid_at", "decline_code")
ERRAND = ("kind", "state", "amount", "next_step", "sends", "look_ups", "begun_at", "due_at", "lease_owner", "note")
CONFIRM, CANCEL = ErrandKind.CONFIRM, ErrandKind.CANCEL
FRESH = (NextStep.SEND, 0, 0, None, None, None, None)


@pytest.fixture
async def desk(database: MysqlDatabase | SqliteDatabase) -> AsyncIterator[CardDesk]:
    """Two fans with a pass and a million points each, and a clock that stands."""
    await open_box_office(database, seats=4, fans=2)
    clock = FixedClock(datetime.now(UTC))
    unit_of_work = SqlUnitOfWork(database, clock, StillMetrics(), writers=1)
    await unit_of_work.open()
    yield CardDesk(database, unit_of_work, clock)
    await unit_of_work.close()


@pytest.fixture
async def pinned(desk: CardDesk) -> ReservationId:
    """Two seats at 50,000; a mixed payment of 30,000 points and 70,000 won by card that the gateway is to be asked about."""
    reservation_id = await desk.held(A, B)
    await desk.pinned(reservation_id, 30_000, FIRST)
    return reservation_id


async def rows(desk: CardDesk, table: str, *columns: str) -> list[tuple[Any, ...]]:
    return await stored(desk.database, table, *columns)


async def money(desk: CardDesk) -> tuple[int, list[int]]:
    """The fan's balance, and the amounts of the ledger, which sum to what was added to the first million."""
    balances = dict(await rows(desk, "point_accounts", "user_id", "balance"))
    amounts = [amount for _, amount in await rows(desk, "point_ledger", "sequence", "amount")]
    assert balances[RIVAL] == 1_000_000
    assert balances[FAN] - 1_000_000 == sum(amounts)
    return balances[FAN], amounts


async def seats(desk: CardDesk) -> list[tuple[Any, ...]]:
    return [row[1:] for row in (await rows(desk, "seats", "seat_id", "status", "reservation_id", "held_until"))[:2]]


async def everything(desk: CardDesk) -> dict[str, list[tuple[Any, ...]]]:
    names = "reservations seats buyers payments payment_orders gateway_errands point_accounts point_ledger tickets outbox_messages"
    return {name: await rows(desk, name) for name in names.split()}


async def test_a_minted_order_is_kept_and_takes_nothing(desk: CardDesk) -> None:
    reservation_id = await desk.held(A, B)
    order = await desk.run(mint(reservation_id, 30_000, FIRST))
    assert await rows(desk, "payment_orders") == [
        (CONCERT, FIRST.payment, "RESERVATION", FAN, FIRST.performance, reservation_id.reservation, 30_000, 70_000, desk.clock.now())
    ]
    assert order.card_amount == 70_000
    assert await money(desk) == (1_000_000, [])
    assert await rows(desk, "payments") == []


async def test_a_pinned_hold_outlives_the_gateway_s_time_everywhere(desk: CardDesk, pinned: ReservationId) -> None:
    now = desk.clock.now()
    until = now + PINNED_FOR
    reservation = ("status", "expires_at", "unpinned_expires_at", "open_payment_id", "payment_id")
    assert await rows(desk, "reservations", *reservation) == [("PENDING", until, now + HOLD_DURATION, FIRST.payment, None)]
    assert await seats(desk) == [("HELD", pinned.reservation, until)] * 2
    [buyer, _] = sorted(await rows(desk, "buyers", "user_id", "held", "bought", "open_hold_until", "deadline"), key=lambda row: -row[1])
    assert buyer == (FAN, 2, 0, until, until + timedelta(seconds=30))
    assert await rows(desk, "payments", *PAYMENT, "order_id", "payment_key") == [
        ("REQUESTED", 30_000, 70_000, 30_000, None, None, order_id_of(FIRST), CARD_KEY)
    ]
    assert await money(desk) == (970_000, [-30_000])
    assert await rows(desk, "gateway_errands", *ERRAND) == [(CONFIRM, "OPEN", 70_000, *FRESH)]
    assert (await rows(desk, "tickets"), await rows(desk, "outbox_messages")) == ([], [])


async def test_asked_again_it_is_the_same_attempt(desk: CardDesk, pinned: ReservationId) -> None:
    before = await everything(desk)
    assert await asyncio.gather(*(desk.run(pin(pinned, FIRST)) for _ in range(3))) == [FIRST] * 3
    assert await everything(desk) == before


async def test_a_completed_payment_sells_the_seats(desk: CardDesk, pinned: ReservationId) -> None:
    assert await desk.settle(CompleteCardPayment, FIRST) is PaymentStatus.COMPLETED
    reservation = ("status", "payment_id", "open_payment_id", "unpinned_expires_at", "sequence")
    assert await rows(desk, "reservations", *reservation) == [("CONFIRMED", FIRST.payment, None, None, 1)]
    assert await seats(desk) == [("SOLD", pinned.reservation, None)] * 2
    assert await rows(desk, "payments", *PAYMENT) == [("COMPLETED", 30_000, 70_000, 30_000, desk.clock.now(), None)]
    assert await money(desk) == (970_000, [-30_000])
    assert await rows(desk, "tickets", "seat_id", "payment_id", "live") == [(A.seat, FIRST.payment, 1), (B.seat, FIRST.payment, 1)]
    assert await rows(desk, "gateway_errands", *ERRAND) == [(CONFIRM, "CLOSED", 70_000, *FRESH)]
    assert await rows(desk, "outbox_messages", "type", "sequence") == [("PaymentCompleted", 1)]


async def test_of_settlements_at_once_the_first_counts(desk: CardDesk, pinned: ReservationId) -> None:
    settlements = [
        await desk.settlement(DoubtCardPayment, FIRST),
        await desk.settlement(CompleteCardPayment, FIRST),
        await desk.settlement(FailCardPayment, FIRST, decline_code="LATE"),
        await desk.settlement(CompleteCardPayment, FIRST),
    ]
    ends = await asyncio.gather(*(desk.run(settlement) for settlement in settlements))
    assert ends == [PaymentStatus.IN_DOUBT, *[PaymentStatus.COMPLETED] * 3]
    before = await everything(desk)
    for settlement in settlements:
        await desk.run(settlement)
    assert await everything(desk) == before
    assert await money(desk) == (970_000, [-30_000])
    assert len(before["tickets"]) == 2


async def test_a_declined_card_gives_back_points_and_hold_and_another_may_be_tried(desk: CardDesk, pinned: ReservationId) -> None:
    original = desk.clock.now() + HOLD_DURATION
    await desk.settle(FailCardPayment, FIRST, decline_code="X" * 300)
    reservation = ("status", "expires_at", "open_payment_id", "unpinned_expires_at")
    assert await rows(desk, "reservations", *reservation) == [("PENDING", original, None, None)]
    assert await seats(desk) == [("HELD", pinned.reservation, original)] * 2
    assert await rows(desk, "payments", *PAYMENT) == [("FAILED", 30_000, 70_000, 30_000, None, "X" * 100)]
    assert await money(desk) == (1_000_000, [-30_000, 30_000])
    await desk.pinned(pinned, 0, SECOND)
    await desk.settle(CompleteCardPayment, SECOND)
    assert await rows(desk, "reservations", "status", "payment_id") == [("CONFIRMED", SECOND.payment)]
    assert await rows(desk, "payments", "status", "card_amount") == [("COMPLETED", 100_000), ("FAILED", 70_000)]
    assert await money(desk) == (1_000_000, [-30_000, 30_000])


async def test_a_late_success_takes_the_same_seats_again(desk: CardDesk, pinned: ReservationId) -> None:
    await desk.settle(DoubtCardPayment, FIRST)
    await desk.run_out(pinned)
    assert await seats(desk) == [("AVAILABLE", None, None)] * 2
    assert await rows(desk, "reservations", "status") == [("EXPIRED",)]
    assert await desk.settle(CompleteCardPayment, FIRST) is PaymentStatus.COMPLETED
    assert await seats(desk) == [("SOLD", pinned.reservation, None)] * 2
    assert await rows(desk, "reservations", "status", "payment_id", "open_payment_id") == [("CONFIRMED", FIRST.payment, None)]
    assert await rows(desk, "buyers", "held", "bought") == [(0, 0), (0, 2)]
    assert len(await rows(desk, "tickets")) == 2
    assert await money(desk) == (970_000, [-30_000])


async def test_a_late_success_whose_seat_is_another_s_is_given_back(desk: CardDesk, pinned: ReservationId) -> None:
    await desk.run_out(pinned)
    await desk.admit_again(RIVAL)
    rival_s = await desk.held(B, user_id=RIVAL)
    assert await desk.settle(CompleteCardPayment, FIRST) is PaymentStatus.CANCELLING
    assert [seat[:2] for seat in await seats(desk)] == [("AVAILABLE", None), ("HELD", rival_s.reservation)]
    assert await money(desk) == (970_000, [-30_000])
    assert await rows(desk, "gateway_errands", *ERRAND) == [(CANCEL, "OPEN", 70_000, *FRESH), (CONFIRM, "CLOSED", 70_000, *FRESH)]

    assert await desk.settle(FinishRefund, FIRST) is PaymentStatus.CANCELLED
    assert await money(desk) == (1_000_000, [-30_000, 30_000])
    assert await rows(desk, "gateway_errands", "kind", "state") == [(CANCEL, "CLOSED"), (CONFIRM, "CLOSED")]
    assert (await desk.reservation(pinned)).status is ReservationStatus.EXPIRED
    assert await rows(desk, "outbox_messages", "type") == [("ChargeReturned",)]
    assert await rows(desk, "buyers", "held", "bought") == [(0, 0), (1, 0)]
    assert await rows(desk, "tickets") == []


async def refunding(desk: CardDesk, reservation_id: ReservationId, key: str = "cancel") -> None:
    begun = await desk.cancel(reservation_id, key)
    assert (begun.pending, begun.refunded_points, begun.refunded_card) == (FIRST, 30_000, 70_000)


async def test_a_refund_frees_the_seats_when_the_gateway_has_proved_it(desk: CardDesk, pinned: ReservationId) -> None:
    await desk.settle(CompleteCardPayment, FIRST)
    await refunding(desk, pinned)
    assert await rows(desk, "reservations", "status") == [("CANCELLING",)]
    assert await rows(desk, "tickets", "live") == [(None,), (None,)]
    assert [seat[0] for seat in await seats(desk)] == ["SOLD", "SOLD"]
    assert await money(desk) == (970_000, [-30_000])
    assert await rows(desk, "gateway_errands", *ERRAND) == [(CANCEL, "OPEN", 70_000, *FRESH), (CONFIRM, "CLOSED", 70_000, *FRESH)]

    assert await desk.settle(FinishRefund, FIRST) is PaymentStatus.CANCELLED
    assert await rows(desk, "reservations", "status") == [("CANCELLED",)]
    assert await seats(desk) == [("AVAILABLE", None, None)] * 2
    assert await rows(desk, "buyers", "held", "bought") == [(0, 0), (0, 0)]
    assert await money(desk) == (1_000_000, [-30_000, 30_000])
    assert await rows(desk, "outbox_messages", "type", "sequence") == [("PaymentCancelled", 2), ("PaymentCompleted", 1)]


@pytest.fixture
async def run_refund(desk: CardDesk, pinned: ReservationId) -> ReservationId:
    """A refund whose request was sent once, and is to be looked up in an hour."""
    await desk.settle(CompleteCardPayment, FIRST)
    await refunding(desk, pinned)
    errands = SqlGatewayErrands(desk.database)
    [due] = await errands.claim("worker", 10, 60)
    assert due.errand.id.kind is CANCEL
    assert await errands.begin_send("worker", due.errand.id)
    await errands.postpone("worker", due.errand.id, NextStep.LOOK_UP, 3600, "TIMEOUT")
    return pinned


async def test_a_refused_refund_stands_again_and_keeps_how_it_was_run(desk: CardDesk, run_refund: ReservationId) -> None:
    assert await desk.settle(RefuseRefund, FIRST) is PaymentStatus.COMPLETED
    assert await rows(desk, "reservations", "status", "payment_id") == [("CONFIRMED", FIRST.payment)]
    assert await rows(desk, "tickets", "live") == [(1,), (1,)]
    assert await money(desk) == (970_000, [-30_000])
    refund = ("kind", "state", "next_step", "sends", "look_ups", "due_at", "note")
    assert (await rows(desk, "gateway_errands", *refund))[0] == (CANCEL, "CLOSED", "LOOK_UP", 1, 1, None, "TIMEOUT")


async def test_a_refund_asked_for_anew_is_due_at_once_as_if_it_had_never_run(desk: CardDesk, run_refund: ReservationId) -> None:
    errands = SqlGatewayErrands(desk.database)
    assert await errands.claim("worker", 10, 60) == []
    await desk.settle(RefuseRefund, FIRST)
    desk.clock.move(timedelta(minutes=1))
    await refunding(desk, run_refund, "cancel again")
    assert (await rows(desk, "gateway_errands", *ERRAND))[0] == (CANCEL, "OPEN", 70_000, *FRESH)
    [due] = await errands.claim("another", 10, 60)
    assert (due.errand.id.kind, due.next_step, due.sends, due.look_ups, due.begun_at) == (CANCEL, NextStep.SEND, 0, 0, None)
    assert due.errand.created_at == desk.clock.now()
    assert not await errands.begin_send("worker", due.errand.id)
    assert await errands.begin_send("another", due.errand.id)


async def test_who_held_an_errand_before_it_was_asked_for_anew_holds_nothing_now(desk: CardDesk, run_refund: ReservationId) -> None:
    errands = SqlGatewayErrands(desk.database)
    now_due = update(GATEWAY_ERRANDS).values(due_at=datetime(2020, 1, 1, tzinfo=UTC), next_step=NextStep.SEND)
    await desk.database.write(lambda connection: connection.execute(now_due))
    [due] = await errands.claim("stopped", 10, 600)
    await desk.settle(RefuseRefund, FIRST)
    await refunding(desk, run_refund, "cancel again")
    assert not await errands.begin_send("stopped", due.errand.id)
    await errands.postpone("stopped", due.errand.id, NextStep.LOOK_UP, 3600, "LATE")
    assert (await rows(desk, "gateway_errands", *ERRAND))[0] == (CANCEL, "OPEN", 70_000, *FRESH)


async def test_a_refund_of_a_show_that_is_off_waits_for_a_person(desk: CardDesk, run_refund: ReservationId) -> None:
    await desk.call_off()
    assert await desk.settle(RefuseRefund, FIRST) is PaymentStatus.CANCELLING
    assert await rows(desk, "reservations", "status") == [("CANCELLING",)]
    view = SqlGatewayErrandView(desk.database)
    [manual] = await view.manual(10)
    assert (manual.errand.id.kind, manual.errand.state) == (CANCEL, ErrandState.MANUAL)
    assert (manual.sends, manual.look_ups, manual.note) == (1, 1, "TIMEOUT")
    assert manual.begun_at is not None
    assert await view.counts() == {ErrandState.OPEN: 0, ErrandState.MANUAL: 1}
    assert await SqlGatewayErrands(desk.database).claim("worker", 10, 60) == []


async def test_a_payment_key_that_no_column_keeps_whole_pins_nothing(desk: CardDesk) -> None:
    reservation_id = await desk.held(A, B)
    await desk.run(mint(reservation_id, 30_000, FIRST))
    before = await everything(desk)
    with pytest.raises(ValueError, match="201 characters"):
        await desk.run(pin(reservation_id, FIRST, payment_key="k" * 201))
    assert await everything(desk) == before
    longest = "가" * 200
    await desk.run(pin(reservation_id, FIRST, payment_key=longest))
    assert (await desk.payment(FIRST)).payment_key == longest


async def test_two_cards_of_one_group_are_one_attempt(desk: CardDesk) -> None:
    reservation_id = await desk.held(A, B)
    for payment_id in (FIRST, SECOND):
        await desk.run(mint(reservation_id, 0, payment_id))
    first, second = await asyncio.gather(
        desk.run(pin(reservation_id, FIRST)), desk.run(pin(reservation_id, SECOND)), return_exceptions=True
    )
    assert first == FIRST
    assert isinstance(second, PaymentPending)
    assert second.payment_id == FIRST
    assert await rows(desk, "gateway_errands", "attempt") == [(FIRST.payment,)]


async def test_paying_with_points_costs_no_statement_for_cards() -> None:
    reservation_id = hold(FAN, A).reservation_id
    transaction = pay(FAN, reservation_id)
    loop = asyncio.get_running_loop()
    attempts = Attempt([Command(transaction, transaction.needs(), loop.create_future())])
    loaded = [statement.table for statement in load_statements(attempts) if statement.table]
    assert loaded == ["performances", "buyers", "reservations", "seats", "point_accounts", "idempotency_records"]
    card = replace(transaction.needs(), orders=pin(reservation_id, FIRST).needs().orders)
    attempts = Attempt([Command(transaction, card, loop.create_future())])
    assert [statement.table for statement in load_statements(attempts)][-1] == "payment_orders"
