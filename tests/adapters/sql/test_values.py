"""What is written is what is read, to the last byte, for every kind."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from adapters.sql.core_tables import IDEMPOTENCY_RECORDS, NOTIFICATIONS, OUTBOX_MESSAGES
from adapters.sql.mysql_database import MysqlDatabase
from adapters.sql.sqlite_database import SqliteDatabase
from adapters.sql.unit_of_work import SqlUnitOfWork
from application.ports.unit_of_work import Needs
from application.work import Work
from domain.buyer import Buyer, PassEnd
from domain.concert import PerformanceStatus
from domain.concert_queue import ConcertQueue, QueueStatus
from domain.contact import Contact
from domain.idempotency import IdempotencyKey, IdempotencyRecord, fingerprint_of
from domain.ids import BuyerId, MessageId, NotificationId, PaymentId, ReservationId, SeatId, TicketId, UserId
from domain.message import LastHandled
from domain.money import Won
from domain.notification import Channel, Notification, NotificationStatus
from domain.payment import Payment, PaymentMethod, PaymentStatus
from domain.point_account import PointAccount
from domain.reservation import Reservation, ReservationStatus
from domain.seat import SeatStatus
from domain.ticket import Ticket
from tests.adapters.sql.box_office import CONCERT, PERFORMANCE, StillMetrics, fan, open_box_office, seat_id, stored
from tests.adapters.sql.test_group_commit import message
from tests.adapters.sql.transactions import SHARD, Plain, TickingClock

AnyDatabase = MysqlDatabase | SqliteDatabase

KST = timezone(timedelta(hours=9))
MOMENT = datetime(2026, 11, 23, 3, 0, 59, 999_999, tzinfo=UTC)
ROUND = MOMENT.replace(microsecond=0)
ALL_BYTES = [UUID(bytes=bytes(range(start, start + 16))) for start in range(0, 256, 16)]
RESERVATION = ReservationId(*PERFORMANCE, ALL_BYTES[15])

FULL: dict[str, tuple[Any, Any, Any]] = {
    "queues": (CONCERT, ConcertQueue(concert_id=CONCERT, epoch=3, status=QueueStatus.PAUSED, capacity=5, rate=6), {"epoch": 4, "rate": 9}),
    "buyers": (
        BuyerId(CONCERT, UserId(ALL_BYTES[8])),
        Buyer(
            id=BuyerId(CONCERT, UserId(ALL_BYTES[8])),
            pass_place=8191 * 2**40,
            first_deadline=MOMENT,
            deadline=ROUND,
            shown_at=MOMENT.astimezone(KST),
            ended=PassEnd.TAKEN_BACK,
            highest_spent_place=2**53,
            held=3,
            bought=1,
            open_reservation_id=RESERVATION,
            open_hold_until=MOMENT,
        ),
        {"open_reservation_id": None, "open_hold_until": None, "ended": None, "shown_at": None, "held": 0},
    ),
    "reservations": (
        RESERVATION,
        Reservation(
            id=RESERVATION,
            user_id=UserId(ALL_BYTES[9]),
            seat_ids=(seat_id(3), seat_id(1), seat_id(2)),
            total_price=Won(2_000_000_000),
            status=ReservationStatus.CONFIRMED,
            expires_at=MOMENT,
            pass_place=7,
            created_at=ROUND,
            payment_id=PaymentId(*PERFORMANCE, ALL_BYTES[12]),
            sequence=4,
            open_payment_id=PaymentId(*PERFORMANCE, ALL_BYTES[13]),
            unpinned_expires_at=MOMENT,
        ),
        {
            "status": ReservationStatus.CANCELLED,
            "payment_id": None,
            "sequence": 5,
            "expires_at": ROUND,
            "open_payment_id": None,
            "unpinned_expires_at": None,
        },
    ),
    "point_accounts": (fan(1), PointAccount(user_id=fan(1), balance=Won(2_000_000_000), sequence=12), {"balance": Won(0), "sequence": 13}),
    "payments": (
        PaymentId(*PERFORMANCE, ALL_BYTES[10]),
        Payment(
            id=PaymentId(*PERFORMANCE, ALL_BYTES[10]),
            reservation_id=RESERVATION,
            user_id=fan(1),
            method=PaymentMethod.CARD,
            status=PaymentStatus.IN_DOUBT,
            points_amount=Won(1),
            card_amount=Won(2),
            requested_at=MOMENT,
            points_taken=Won(1),
            order_id="o" * 64,
            payment_key="k" * 200,
        ),
        {"status": PaymentStatus.COMPLETED, "paid_at": MOMENT, "decline_code": "REJECTED"},
    ),
    "tickets": (
        TicketId(*PERFORMANCE, ALL_BYTES[11]),
        Ticket(
            id=TicketId(*PERFORMANCE, ALL_BYTES[11]),
            seat_id=seat_id(1),
            reservation_id=RESERVATION,
            payment_id=PaymentId(*PERFORMANCE, ALL_BYTES[10]),
            user_id=fan(1),
            issued_at=MOMENT,
        ),
        {"live": False},
    ),
    "contacts": (fan(1), Contact(user_id=fan(1), phone="01012345678", chosen=False), {"chosen": True, "phone": "01000000000"}),
}


@pytest.fixture
async def unit_of_work(database: AnyDatabase) -> AsyncIterator[SqlUnitOfWork]:
    await open_box_office(database, seats=4, fans=0)
    opened = SqlUnitOfWork(database, TickingClock(), StillMetrics())
    await opened.open()
    yield opened
    await opened.close()


async def on(unit_of_work: SqlUnitOfWork, kind: str, key: Any, do: Any) -> Any:
    return await unit_of_work.run(Plain(Needs(shard=SHARD, **{kind: (key,)}), lambda work: do(getattr(work, kind))))


@pytest.mark.parametrize("kind", FULL)
async def test_every_kind_comes_back_as_it_was_added_and_changed(unit_of_work: SqlUnitOfWork, kind: str) -> None:
    key, thing, changes = FULL[kind]
    await on(unit_of_work, kind, key, lambda rows: rows.add(thing))
    assert await on(unit_of_work, kind, key, lambda rows: rows.find(key)) == thing
    changed = replace(thing, **changes)
    await on(unit_of_work, kind, key, lambda rows: rows.change(changed))
    assert await on(unit_of_work, kind, key, lambda rows: rows.find(key)) == changed


async def test_a_changed_seat_and_performance_come_back(unit_of_work: SqlUnitOfWork) -> None:
    seat = await on(unit_of_work, "seats", seat_id(1), lambda rows: rows.get(seat_id(1)))
    held = replace(seat, status=SeatStatus.HELD, reservation_id=RESERVATION, held_until=MOMENT)
    await on(unit_of_work, "seats", seat_id(1), lambda rows: rows.change(held))
    assert await on(unit_of_work, "seats", seat_id(1), lambda rows: rows.get(seat_id(1))) == held
    performance = await on(unit_of_work, "performances", PERFORMANCE, lambda rows: rows.get(PERFORMANCE))
    assert (performance.title, performance.venue, performance.purchase_limit) == ("첫눈", "올림픽홀", 4)
    called_off = replace(performance, status=PerformanceStatus.CANCELLED)
    await on(unit_of_work, "performances", PERFORMANCE, lambda rows: rows.change(called_off))
    assert await on(unit_of_work, "performances", PERFORMANCE, lambda rows: rows.get(PERFORMANCE)) == called_off


async def test_a_group_changes_each_row_as_told(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    accounts = [PointAccount(user_id=fan(number), balance=Won(number), sequence=number) for number in range(9)]
    needs = Needs(shard=SHARD, point_accounts=tuple(account.user_id for account in accounts))

    def add(work: Work) -> None:
        for account in accounts:
            work.point_accounts.add(account)

    def change(work: Work) -> None:
        for account in accounts[:6]:
            work.point_accounts.change(replace(account, balance=Won(account.balance + 100)))

    await unit_of_work.run(Plain(needs, add))
    await unit_of_work.run(Plain(needs, change))
    expected = [(100, 0), (101, 1), (102, 2), (103, 3), (104, 4), (105, 5), (6, 6), (7, 7), (8, 8)]
    assert await stored(database, "point_accounts", "balance", "sequence") == sorted(expected)


async def test_a_reservation_brings_its_seats_in_the_order_in_which_they_were_asked_for(unit_of_work: SqlUnitOfWork) -> None:
    reservation = FULL["reservations"][1]
    await on(unit_of_work, "reservations", RESERVATION, lambda rows: rows.add(reservation))

    def seats(work: Work) -> list[SeatId]:
        return [seat.id for seat in work.seats_of(work.reservations.get(RESERVATION))]

    needs = Needs(shard=SHARD, reservations=(RESERVATION,), seats=(seat_id(0), seat_id(2)))
    assert await unit_of_work.run(Plain(needs, seats)) == [seat_id(3), seat_id(1), seat_id(2)]
    alone = Needs(shard=SHARD, reservations=(RESERVATION,))
    assert await unit_of_work.run(Plain(alone, seats)) == [seat_id(3), seat_id(1), seat_id(2)]


TEXTS = ("'", "\\", '"', "\0", "%s", "; DROP TABLE seats; --", "A", "a", "a ", "ä", "가나다", "🎫", "", "\n\r\x1a", "x" * 255)


async def test_texts_are_compared_by_byte_and_come_back_whole(unit_of_work: SqlUnitOfWork) -> None:
    keys = [IdempotencyKey(SHARD, fan(1), "pay", text) for text in TEXTS]
    records = [
        IdempotencyRecord(key=key, fingerprint=fingerprint_of(key.key), result=(ALL_BYTES[place],), created_at=MOMENT)
        for place, key in enumerate(keys)
    ]
    for record in records:
        await on(unit_of_work, "idempotency", record.key, lambda rows, record=record: rows.add(record))
    needs = Needs(shard=SHARD, idempotency=tuple(keys))
    assert await unit_of_work.run(Plain(needs, lambda work: [work.idempotency.find(key) for key in keys])) == records


async def test_all_256_bytes_come_back(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    whole = b"".join(part.bytes for part in ALL_BYTES)
    assert sorted(whole) == list(range(256))
    keys = [IdempotencyKey(ALL_BYTES[place], UserId(ALL_BYTES[-place]), "pay", "k") for place in range(16)]
    for place, key in enumerate(keys):
        fingerprint = bytes(whole[(place * 32) % 256 :][:32])
        result = tuple(ALL_BYTES[(place * 4 + part) % 16] for part in range(4))
        record = IdempotencyRecord(key=key, fingerprint=fingerprint, result=result, created_at=MOMENT)
        await on(unit_of_work, "idempotency", key, lambda rows, record=record: rows.add(record))
        assert await on(unit_of_work, "idempotency", key, lambda rows, key=key: rows.find(key)) == record
    through_core = await database.rows(select(IDEMPOTENCY_RECORDS.c.result).where(IDEMPOTENCY_RECORDS.c.shard_key == ALL_BYTES[0]))
    assert [row.result for row in through_core] == [whole[:64]]


async def test_how_far_a_key_was_handled_belongs_to_its_shard(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    key = ALL_BYTES[5]
    first, second = (LastHandled(key=key, sequence=sequence) for sequence in (3, 7))
    await on(unit_of_work, "handled_keys", key, lambda rows: rows.save(first))
    assert await on(unit_of_work, "handled_keys", key, lambda rows: rows.find(key)) == first
    await on(unit_of_work, "handled_keys", key, lambda rows: rows.save(second))
    elsewhere = Needs(shard=CONCERT, handled_keys=(key,))
    assert await unit_of_work.run(Plain(elsewhere, lambda work: work.handled_keys.find(key))) is None
    assert await stored(database, "handled_keys", "shard_key", "key", "sequence") == [(SHARD, key, 7)]


async def test_an_inbox_entry_belongs_to_its_shard(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    entry = MessageId(ALL_BYTES[3])
    await on(unit_of_work, "inbox", entry, lambda rows: rows.add(entry))
    assert await on(unit_of_work, "inbox", entry, lambda rows: rows.find(entry)) == entry
    elsewhere = Needs(shard=CONCERT, inbox=(entry,))
    assert await unit_of_work.run(Plain(elsewhere, lambda work: work.inbox.find(entry))) is None
    assert await stored(database, "inbox", "shard_key", "message_id") == [(SHARD, entry)]


async def test_messages_and_notifications_are_written_to_be_claimed(unit_of_work: SqlUnitOfWork, database: AnyDatabase) -> None:
    notification = Notification(
        id=NotificationId(ALL_BYTES[4]),
        concert_id=CONCERT,
        event=MessageId(ALL_BYTES[5]),
        recipient=fan(1),
        channel=Channel.ALIMTALK,
        phone=None,
        template="paid",
        facts={"제목": "첫눈 \"'\\"},
        status=NotificationStatus.PENDING,
        created_at=MOMENT,
    )

    def add(work: Work) -> datetime:
        work.outbox.add(replace(message(1, 1), payload='{"제목": "첫눈"}', occurred_at=MOMENT))
        work.notifications.add(notification)
        return work.now

    now = await unit_of_work.run(Plain(Needs(shard=SHARD), add))
    (written,) = await database.rows(select(OUTBOX_MESSAGES))
    assert (written.aggregateid, written.payload, written.status, written.attempts) == (UUID(int=9), '{"제목": "첫눈"}', "PENDING", 0)
    assert (written.occurred_at, written.published_at, written.lease_owner) == (MOMENT, None, None)
    (due,) = await database.rows(select(NOTIFICATIONS))
    assert (due.facts, due.phone, due.status, due.attempts) == ('{"제목": "첫눈 \\"\'\\\\"}', None, "PENDING", 0)
    assert (due.next_attempt_at, due.first_attempt_at, due.leased_until) == (now, None, None)
