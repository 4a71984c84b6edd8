"""What a transaction writes is what the views, the relay and the notifier read."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.sql.booking_view import SqlBookingView
from adapters.sql.catalogue_store import SqlCatalogueStore
from adapters.sql.mysql_database import MysqlDatabase
from adapters.sql.notification_queue import SqlNotificationQueue
from adapters.sql.outbox import SqlOutbox
from adapters.sql.person_view import SqlPersonView
from adapters.sql.queue_view import SqlQueueView
from adapters.sql.seat_view import SqlSeatView
from adapters.sql.sqlite_database import SqliteDatabase
from adapters.sql.unit_of_work import SqlUnitOfWork
from application.ports.catalogue import Page
from application.ports.notification_queue import DueNotification
from application.ports.outbox import DueMessage
from application.ports.unit_of_work import Needs
from application.work import Work
from domain.buyer import Buyer, PassEnd
from domain.contact import Contact
from domain.ids import BuyerId, UserId
from domain.money import Won
from domain.point_account import PointLedgerEntry
from domain.seat import SeatStatus
from tests.adapters.sql.box_office import StillMetrics
from tests.contracts.clocks import FixedClock
from tests.contracts.rows import a_concert, a_performance, a_queue, a_seat, uid
from tests.contracts.test_booking_view import a_payment, a_reservation, a_ticket
from tests.contracts.test_notification_queue import a_notification
from tests.contracts.test_outbox import a_message

THEN = datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC)
"""A moment that every database's clock has behind it, so that what is written then is due."""
CONCERT = a_concert()
EVENING = a_performance(CONCERT)
MINSU = UserId(uid(501))


@dataclass(frozen=True)
class Writing:
    """Names what it changes, and writes."""

    names: Needs
    write: Callable[[Work], None]

    def needs(self) -> Needs:
        return self.names

    def decide(self, work: Work) -> None:
        self.write(work)


@pytest.fixture
async def unit_of_work(database: MysqlDatabase | SqliteDatabase) -> AsyncIterator[SqlUnitOfWork]:
    unit_of_work = SqlUnitOfWork(database, FixedClock(THEN), StillMetrics())
    await unit_of_work.open()
    yield unit_of_work
    await unit_of_work.close()


async def write(unit_of_work: SqlUnitOfWork, change: Callable[[Work], None], **needs: Any) -> None:
    await unit_of_work.run(Writing(Needs(shard=CONCERT.id, **needs), change))


async def test_a_message(unit_of_work: SqlUnitOfWork, database: MysqlDatabase | SqliteDatabase) -> None:
    message = a_message(1, payload='{"제목": "\'봄\' \\"콘서트\\" 100% \\\\ 🎤"}')
    await write(unit_of_work, lambda work: work.outbox.add(message))
    assert await SqlOutbox(database).claim("relay", 10, 60) == [DueMessage(message=message, attempts=0)]


async def test_a_notification(unit_of_work: SqlUnitOfWork, database: MysqlDatabase | SqliteDatabase) -> None:
    notification = a_notification(facts={"제목": "'봄' \"콘서트\" 100% \\ 🎤"})
    await write(unit_of_work, lambda work: work.notifications.add(notification))
    due = [DueNotification(notification=notification, attempts=0, first_attempt_at=None)]
    assert await SqlNotificationQueue(database).claim("notifier", 10, 60) == due


async def test_a_booking(unit_of_work: SqlUnitOfWork, database: MysqlDatabase | SqliteDatabase) -> None:
    reservation = a_reservation(1, seats=(9, 3))
    payment = a_payment(10, reservation)
    tickets = [a_ticket(20, payment, 9), a_ticket(21, payment, 3)]

    def book(work: Work) -> None:
        work.reservations.add(reservation)
        work.payments.add(payment)
        for ticket in tickets:
            work.tickets.add(ticket)

    await write(unit_of_work, book, reservations=(reservation.id,))
    view = SqlBookingView(database)
    assert await view.reservations_of(reservation.user_id, 10, None) == Page(items=(reservation,), has_next=False)
    assert await view.payments_by_id([payment.id]) == [payment]
    assert await view.tickets_of([reservation.id]) == [tickets]
    voided = tickets[0].void()
    await write(unit_of_work, lambda work: work.tickets.change(voided), tickets=(voided.id,))
    assert await view.tickets_by_id([voided.id]) == [voided]
    assert await view.tickets_of([reservation.id]) == [tickets[1:]]


async def test_a_seat_s_change_and_its_moment(unit_of_work: SqlUnitOfWork, database: MysqlDatabase | SqliteDatabase) -> None:
    before = FixedClock(THEN - timedelta(hours=1))
    seat = a_seat(EVENING, 1)
    await SqlCatalogueStore(database, before).add(CONCERT, [EVENING], [seat, a_seat(EVENING, 2)], a_queue(CONCERT))
    held = seat.hold(a_reservation(1).id, THEN + timedelta(minutes=5))
    assert held.status is SeatStatus.HELD
    await write(unit_of_work, lambda work: work.seats.change(held), seats=(seat.id,))
    assert await SqlSeatView(database).changed_since({EVENING.id: THEN}, 10) == {EVENING.id: [(THEN, held)]}


async def test_a_buyer_and_a_queue(unit_of_work: SqlUnitOfWork, database: MysqlDatabase | SqliteDatabase) -> None:
    queue = a_queue(CONCERT)
    await SqlCatalogueStore(database, FixedClock(THEN)).add(CONCERT, [EVENING], [], queue)
    buyer = Buyer(id=BuyerId(CONCERT.id, MINSU)).grant(8191 * 2**40 + 5, THEN).hold(a_reservation(1).id, 2, THEN)
    ended = replace(buyer, ended=PassEnd.LEFT, shown_at=THEN)
    paused = queue.raise_epoch(0).pause()

    def admit(work: Work) -> None:
        work.buyers.add(ended)
        work.queues.change(paused)

    await write(unit_of_work, admit, buyers=(ended.id,), queues=(CONCERT.id,))
    view = SqlQueueView(database)
    assert await view.buyers_by_id([ended.id]) == [ended]
    assert await view.queues_by_id([CONCERT.id]) == [paused]


async def test_a_person(unit_of_work: SqlUnitOfWork, database: MysqlDatabase | SqliteDatabase) -> None:
    entries: list[PointLedgerEntry] = []

    def welcome(work: Work) -> None:
        entries.clear()
        account, topped_up = work.point_accounts.of(MINSU).top_up(Won(1_000), uid(1), work.now)
        account, deducted = account.deduct(Won(400), uid(2), work.now)
        work.point_accounts.save(account)
        entries.extend((deducted, topped_up))
        for entry in entries:
            work.ledger.add(entry)
        work.contacts.save(Contact(user_id=MINSU, phone="01012345678", chosen=True))

    await write(unit_of_work, welcome, point_accounts=(MINSU,), contacts=(MINSU,))
    view = SqlPersonView(database)
    assert await view.balance(MINSU) == 600
    assert await view.ledger(MINSU, 10, None) == Page(items=tuple(entries), has_next=False)
    assert await view.phone(MINSU) == "01012345678"
