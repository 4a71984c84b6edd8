"""Every statement that an API call or a role's pass makes finds its rows by an index, however large the tables are."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, Executable, Row, event, text

from adapters.sql import core_tables as tables
from adapters.sql.booking_view import SqlBookingView
from adapters.sql.catalogue_store import SqlCatalogueStore
from adapters.sql.concert_view import SqlConcertView
from adapters.sql.database import Database
from adapters.sql.dead_letter_queue import SqlDeadLetterQueue
from adapters.sql.delivery_queue import SqlDeliveryQueue
from adapters.sql.idempotency_records import SqlIdempotencyRecords
from adapters.sql.mappers import MAPPER_OF, Stamp
from adapters.sql.notification_queue import SqlNotificationQueue
from adapters.sql.old_rows import dead_letter_audit, ended_letters, ended_notifications, handled_keys, inbox_entries, published_messages
from adapters.sql.outbox import SqlOutbox
from adapters.sql.person_view import SqlPersonView
from adapters.sql.queue_view import SqlQueueView
from adapters.sql.seat_holders import SqlSeatHolders
from adapters.sql.seat_view import SqlSeatView
from application.ports.catalogue import SeatFilter
from application.ports.dead_letter_queue import Decision, LetterFilter, LetterOrigin, LetterStatus
from application.ports.delivery_queue import DeliveryEnd
from application.ports.outbox import GivenUp, RetryLater
from domain.buyer import Buyer
from domain.idempotency import IdempotencyKey, IdempotencyRecord
from domain.ids import BuyerId, ConcertId, DeadLetterId, PaymentId, PerformanceId, ReservationId, SeatId, TicketId, UserId
from domain.notification import NotificationStatus
from domain.seat import SeatStatus
from tests.contracts.clocks import FixedClock
from tests.contracts.rows import NOW, a_concert, a_performance, a_queue, a_seat, insert_reservations, insert_rows, uid
from tests.contracts.test_booking_view import a_payment, a_reservation, a_ticket, put_payments, put_tickets
from tests.contracts.test_dead_letter_queue import put_letters
from tests.contracts.test_notification_queue import LONG_AGO, a_notification
from tests.contracts.test_notification_queue import put as put_notifications
from tests.contracts.test_outbox import a_message
from tests.contracts.test_outbox import put as put_messages
from tests.contracts.test_person_view import an_entry
from tests.contracts.test_person_view import put as put_ledger

T = TypeVar("T")

MANY = 300
"""Rows of each kind: enough for a scan to look dearer than an index."""
FIRST_PAGE = {"SCAN concerts"}
"""SQLite's words for reading a table in the order of its key until the page is full."""


PLAN_OF = {"mysql": "EXPLAIN FORMAT=TRADITIONAL ", "sqlite": "EXPLAIN QUERY PLAN "}


@dataclass
class Explained:
    """A database that looks at the plan of each statement before it runs it."""

    database: Database
    explained: int = 0
    scans: list[str] = field(default_factory=list)

    @property
    def dialect_name(self) -> str:
        return self.database.dialect_name

    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        return await self.write(lambda connection: connection.execute(statement).all())

    async def write(self, change: Callable[[Connection], T], *, deadline_seconds: float | None = None) -> T:
        def explained(connection: Connection) -> T:
            event.listen(connection, "before_cursor_execute", self.explain)
            return change(connection)

        return await self.database.write(explained)

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    def explain(self, connection: Connection, cursor: Any, statement: str, values: Any, context: Any, many: bool) -> None:
        if statement.startswith("INSERT"):
            return
        self.explained += 1
        cursor.execute(PLAN_OF[self.dialect_name] + statement, values)
        names = [column[0] for column in cursor.description]
        for step in [dict(zip(names, step, strict=True)) for step in cursor.fetchall()]:
            if scan := self.scan_in(step):
                self.scans.append(f"{scan} in {statement}")

    def scan_in(self, step: dict[str, Any]) -> str | None:
        if self.dialect_name == "mysql":
            base_table = not str(step["table"]).startswith("<")
            return f"{step['table']}: ALL" if step["type"] == "ALL" and base_table else None
        detail = str(step["detail"])
        verb, name = detail.split()[:2]
        return detail if verb == "SCAN" and name in tables.SEATS.metadata.tables and detail not in FIRST_PAGE else None


def user(number: int) -> UserId:
    return UserId(uid(10_000 + number))


def row(kind: str, thing: Any, stamp: Stamp) -> dict[str, Any]:
    mapper = MAPPER_OF[kind]
    return dict(zip(mapper.table.columns.keys(), mapper.row_of(thing, stamp), strict=True))


async def seed_catalogue(database: Database) -> None:
    store = SqlCatalogueStore(database, FixedClock(NOW))
    for number in range(1, MANY + 1):
        concert = a_concert(number, sales_close_at=NOW + timedelta(days=number - MANY + 5))
        performances = [a_performance(concert, of) for of in (1, 2)]
        seats = [a_seat(performance, seat) for performance in performances for seat in range(1, MANY if number <= 2 else 3)]
        await store.add(concert, performances, seats, a_queue(concert))
    stamp = Stamp(shard=uid(1), now=NOW)
    buyers = [Buyer(id=BuyerId(ConcertId(uid(concert)), user(number))) for concert in range(1, 4) for number in range(MANY)]
    columns = tables.BUYERS.columns.keys()
    await insert_rows(
        database, tables.BUYERS, (dict(zip(columns, MAPPER_OF["buyers"].row_of(buyer, stamp), strict=True)) for buyer in buyers)
    )


async def seed_bookings(database: Database) -> None:
    evening = PerformanceId(ConcertId(uid(1)), uid(1))
    reservations = [a_reservation(n, seats=(2 * n, 2 * n + 1), performance=evening, user_id=user(n)) for n in range(MANY)]
    reservations += [a_reservation(MANY + n, seats=(9_000 + n,), performance=evening, user_id=user(1)) for n in range(50)]
    await insert_reservations(database, reservations)
    payments = [a_payment(20_000 + n, reservation) for n, reservation in enumerate(reservations)]
    await put_payments(database, *payments)
    paid = [(payment, seat.seat.int) for reservation, payment in zip(reservations, payments, strict=True) for seat in reservation.seat_ids]
    await put_tickets(database, *(a_ticket(30_000 + seat, payment, seat) for payment, seat in paid))
    await insert_rows(database, tables.POINT_ACCOUNTS, ({"user_id": user(n), "balance": 5, "sequence": 1} for n in range(MANY)))
    await insert_rows(database, tables.CONTACTS, ({"user_id": user(n), "phone": "01012345678", "chosen": True} for n in range(MANY)))
    await put_ledger(database, *(an_entry(sequence, user(n)) for n in range(MANY) for sequence in range(1, 4)))


async def seed_messages(database: Database) -> None:
    await insert_rows(database, tables.INBOX, ({"shard_key": uid(1), "message_id": uid(n), "received_at": NOW} for n in range(MANY)))
    await insert_rows(
        database, tables.HANDLED_KEYS, ({"shard_key": uid(1), "key": uid(n), "sequence": 1, "handled_at": NOW} for n in range(MANY))
    )
    await put_letters(database, MANY)
    await put_messages(database, [a_message(n, key=n) for n in range(MANY)])
    await put_messages(database, [a_message(n, key=n) for n in range(MANY, 8 * MANY)], status="PUBLISHED", published_at=NOW)
    await put_notifications(database, [a_notification(n, about=uid(n // 2), sequence=n % 2) for n in range(MANY)])
    await put_notifications(database, [a_notification(n) for n in range(MANY, 8 * MANY)], status="SENT")
    await put_notifications(database, [a_notification(n) for n in range(8 * MANY, 9 * MANY)], status="DELIVERED", next_attempt_at=NOW)
    await put_notifications(database, [a_notification(n) for n in range(9 * MANY, 9 * MANY + 20)], status="DELIVERED")
    stamp = Stamp(shard=uid(1), now=NOW)
    records = [
        IdempotencyRecord(
            key=IdempotencyKey(uid(1), user(n), "pay", "key"),
            fingerprint=b"f" * 32,
            result=(uid(n),),
            created_at=NOW + timedelta(minutes=n),
        )
        for n in range(8 * MANY)
    ]
    await insert_rows(database, tables.IDEMPOTENCY_RECORDS, (row("idempotency", record, stamp) for record in records))


@pytest.fixture
async def explained(database: Database) -> AsyncIterator[Explained]:
    for seed in (seed_catalogue, seed_bookings, seed_messages):
        await seed(database)
    if database.dialect_name == "mysql":
        names = ", ".join(table.name for table in (tables.SEATS.metadata.tables.values()))
        await database.write(lambda connection: connection.execute(text(f"ANALYZE TABLE {names}")).all())
    yield Explained(database)


async def read_catalogue(explained: Explained) -> None:
    concerts, seats, queues = SqlConcertView(explained), SqlSeatView(explained), SqlQueueView(explained)
    ids = [ConcertId(uid(number)) for number in (1, 2, 3, MANY)]
    evenings = [PerformanceId(concert_id, uid(1)) for concert_id in ids]
    await concerts.concerts(20, None)
    await concerts.concerts(20, uid(7))
    await concerts.concerts_by_id(ids)
    await concerts.performances_by_id(evenings)
    await concerts.performances_of(ids)
    await concerts.is_sold_out(ids[0])
    for which in (SeatFilter(), SeatFilter(grade="VIP"), *(SeatFilter(status=status) for status in SeatStatus)):
        await seats.seats(evenings[0], which, 100, None, NOW)
        await seats.seats(evenings[0], which, 100, uid(50), NOW)
    await seats.seats_by_id([SeatId(*evening, uid(seat)) for evening in evenings for seat in (1, 2, 70)])
    await seats.grades_of(evenings[2:], NOW)
    await seats.changed_since({evenings[0]: NOW + timedelta(seconds=1), evenings[1]: NOW}, 100)
    await queues.queues_by_id(ids)
    await queues.live_queues(NOW, 100)
    await queues.buyers_by_id([BuyerId(ids[0], user(number)) for number in (1, 5, 9)])
    await queues.buyers_of(ids[0], 100, None)
    await queues.buyers_of(ids[0], 100, user(5))


async def read_bookings(explained: Explained) -> None:
    bookings, person = SqlBookingView(explained), SqlPersonView(explained)
    evening = PerformanceId(ConcertId(uid(1)), uid(1))
    ids = [ReservationId(*evening, uid(number)) for number in (1, 2, 60)]
    assert len(await bookings.reservations_by_id(ids)) == 3
    assert [len(tickets) for tickets in await bookings.tickets_of(ids)] == [2, 2, 2]
    await bookings.payments_by_id([PaymentId(*evening, uid(20_001)), PaymentId(*evening, uid(20_007))])
    await bookings.tickets_by_id([TicketId(*evening, uid(30_002)), TicketId(*evening, uid(30_009))])
    page = await bookings.reservations_of(user(1), 20, None)
    await bookings.reservations_of(user(1), 20, page.items[-1].id.reservation)
    await person.balance(user(1))
    await person.ledger(user(1), 20, None)
    await person.ledger(user(1), 20, 2)
    await person.phone(user(1))


async def look_up_holders(explained: Explained) -> None:
    holders = SqlSeatHolders(explained)
    evening = PerformanceId(ConcertId(uid(1)), uid(1))
    await holders.overdue_on([SeatId(*evening, uid(number)) for number in (1, 2, 70)], NOW)
    assert len(await holders.overdue(NOW + timedelta(days=1), 20)) == 20
    await holders.open_hold(BuyerId(evening.concert_id, user(1)))
    assert await holders.reservation(ReservationId(*evening, uid(1))) is not None


async def work_off_messages(explained: Explained) -> None:
    outbox, queue = SqlOutbox(explained), SqlNotificationQueue(explained)
    messages = [due.message for due in await outbox.claim("relay", 20, 60)]
    assert len(messages) == 20
    await outbox.mark_published("relay", [message.id for message in messages[:10]])
    await outbox.release("relay", [message.id for message in messages[10:15]], "fault")
    refused, *dead = messages[15:]
    await outbox.refuse(
        "relay",
        [
            RetryLater(id=refused.id, fault="fault", seconds=1.0),
            *(GivenUp(id=message.id, fault="fault", letter_id=DeadLetterId(uid(70_000 + number))) for number, message in enumerate(dead)),
        ],
    )
    await outbox.backlog()
    assert await published_messages(explained).purge(NOW + timedelta(days=1), 50) == 50
    assert await SqlIdempotencyRecords(explained).purge(NOW + timedelta(days=1), 50) == 50
    assert await ended_notifications(explained).purge(NOW, 50) == 20
    await decide_on_letters(explained)
    first, second, third, *_ = [due.notification for due in await queue.claim("notifier", 20, 60)]
    assert await queue.begin_attempt("notifier", first.id)
    await queue.mark_sent("notifier", first.id, "reference")
    await queue.postpone("notifier", second.id, 5, "fault")
    await queue.mark_failed("notifier", third.id, "fault", third.backup(LONG_AGO))
    await follow_deliveries(explained)


async def follow_deliveries(explained: Explained) -> None:
    deliveries = SqlDeliveryQueue(explained)
    first, second, *_ = [taken.notification for taken in await deliveries.claim("follower", 20, 60)]
    await deliveries.look_again("follower", first.id, 5, "READY")
    assert await deliveries.hurry([first.id, second.id]) == 1
    await deliveries.close("follower", second.id, DeliveryEnd(status=NotificationStatus.FAILED), second.backup(LONG_AGO))


async def decide_on_letters(explained: Explained) -> None:
    queue = SqlDeadLetterQueue(explained)
    page = await queue.letters(LetterFilter(type="PaymentCompleted", origin=LetterOrigin.OUTBOX), 20, DeadLetterId(uid(1)))
    first, second, third, fourth = page.items[:4]
    assert await queue.redrive([first.id, second.id], Decision(operator="o", note="")) == [first.id, second.id]
    assert await queue.discard([third.id], Decision(operator="o", note="n")) == [third.id]
    assert [letter and letter.status for letter in await queue.letters_by_id([first.id, fourth.id])] == [
        LetterStatus.REDRIVEN,
        LetterStatus.OPEN,
    ]
    await queue.bury([replace(fourth, id=DeadLetterId(uid(99_000)), position="topic/1@5")])
    for rows in (inbox_entries, handled_keys, ended_letters, dead_letter_audit):
        assert await rows(explained).purge(NOW - timedelta(days=10_000), 50) == 0


async def test_no_statement_scans_a_table(explained: Explained) -> None:
    await read_catalogue(explained)
    await read_bookings(explained)
    await look_up_holders(explained)
    await work_off_messages(explained)
    assert explained.explained >= 50
    assert explained.scans == []


async def test_a_scan_would_be_seen(explained: Explained) -> None:
    statement = tables.SEATS.select().where(tables.SEATS.c.section == "A", tables.SEATS.c.number == 3)
    await explained.rows(statement)
    assert [scan.split(" in ")[0] for scan in explained.scans] == ["seats: ALL" if explained.dialect_name == "mysql" else "SCAN seats"]
