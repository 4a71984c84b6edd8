"""Which table keeps which kind of ``Work``, and how an object becomes a row. The way back is ``domain_rows``."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from json import dumps
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row as Selected
from sqlalchemy import Table

from adapters.sql import card_rows, domain_rows
from adapters.sql.core_tables import (
    BUYERS,
    CONCERT_QUEUES,
    CONTACTS,
    GATEWAY_ERRANDS,
    HANDLED_KEYS,
    IDEMPOTENCY_RECORDS,
    INBOX,
    NOTIFICATIONS,
    OUTBOX_MESSAGES,
    PAYMENT_ORDERS,
    PAYMENTS,
    PERFORMANCES,
    PERSON_RESERVATIONS,
    POINT_ACCOUNTS,
    POINT_LEDGER,
    RESERVATION_SEATS,
    RESERVATIONS,
    SEATS,
    TICKETS,
    TOP_UPS,
)
from domain.buyer import Buyer
from domain.concert import Performance
from domain.concert_queue import ConcertQueue
from domain.contact import Contact
from domain.idempotency import IdempotencyKey, IdempotencyRecord
from domain.ids import MessageId, UserId
from domain.message import LastHandled, OutboxMessage, OutboxStatus
from domain.money import Won
from domain.notification import Notification
from domain.payment import Payment
from domain.point_account import PointAccount, PointLedgerEntry
from domain.reservation import Reservation
from domain.seat import Seat
from domain.ticket import Ticket

Values = tuple[Any, ...]
UUID_BYTES = 16


class Stamp(NamedTuple):
    """What a row says of the transaction that writes it."""

    shard: UUID
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """Rows of another table that come with a new object, and never change."""

    table: Table
    rows_of: Callable[[Any], Iterable[Values]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapper:
    """``row_of`` gives the values of the first columns, key first, up to the last that is not left to its NULL.

    ``changing`` are the columns that a change may touch. ``object_of`` is None for what is only ever added.
    """

    kind: str
    table: Table
    row_of: Callable[[Any, Stamp], Values]
    object_of: Callable[..., Any] | None = None
    key_of: Callable[[Any], Any] = lambda thing: thing.id
    changing: tuple[str, ...] = ()
    companions: tuple[Companion, ...] = ()


def key_values(kind: str, key: Any, shard: UUID) -> Values:
    """The values of the key's columns."""
    if kind in ("inbox", "handled_keys"):
        return (shard, key)
    return key if isinstance(key, tuple) else (key,)


def _performance(performance: Performance, stamp: Stamp) -> Values:
    return (*performance.id, performance.venue, performance.starts_at, performance.status)


def _queue(queue: ConcertQueue, stamp: Stamp) -> Values:
    return (queue.concert_id, queue.epoch, queue.status, queue.capacity, queue.rate)


def _buyer(buyer: Buyer, stamp: Stamp) -> Values:
    hold = buyer.open_reservation_id
    return (
        *buyer.id,
        buyer.pass_place,
        buyer.first_deadline,
        buyer.deadline,
        buyer.shown_at,
        buyer.ended,
        buyer.highest_spent_place,
        buyer.held,
        buyer.bought,
        hold and hold.performance,
        hold and hold.reservation,
        buyer.open_hold_until,
    )


def _reservation(reservation: Reservation, stamp: Stamp) -> Values:
    return (
        *reservation.id,
        reservation.user_id,
        reservation.total_price,
        reservation.status,
        reservation.expires_at,
        reservation.pass_place,
        reservation.created_at,
        reservation.payment_id and reservation.payment_id.payment,
        reservation.sequence,
        reservation.open_payment_id and reservation.open_payment_id.payment,
        reservation.unpinned_expires_at,
    )


def _seats_of_reservation(reservation: Reservation) -> Iterable[Values]:
    return ((*reservation.id, seat_id.seat, position) for position, seat_id in enumerate(reservation.seat_ids))


def _reservation_of_person(reservation: Reservation) -> Iterable[Values]:
    concert_id, performance, uuid = reservation.id
    return ((reservation.user_id, uuid, concert_id, performance),)


def _seat(seat: Seat, stamp: Stamp) -> Values:
    return (
        *seat.id,
        seat.section,
        seat.row,
        seat.number,
        seat.grade,
        seat.price,
        seat.status,
        seat.reservation_id and seat.reservation_id.reservation,
        seat.held_until,
        stamp.now,
    )


def _payment(payment: Payment, stamp: Stamp) -> Values:
    return (
        *payment.id,
        payment.reservation_id.reservation,
        payment.user_id,
        payment.method,
        payment.status,
        payment.points_amount,
        payment.card_amount,
        payment.requested_at,
        payment.paid_at,
        payment.points_taken,
        payment.order_id,
        payment.payment_key and card_rows.fitting_key(payment.payment_key),
        payment.decline_code and card_rows.shortened(payment.decline_code),
    )


def _ticket(ticket: Ticket, stamp: Stamp) -> Values:
    return (
        *ticket.id,
        ticket.seat_id.seat,
        ticket.reservation_id.reservation,
        ticket.payment_id.payment,
        ticket.user_id,
        ticket.issued_at,
        1 if ticket.live else None,
    )


def _point_account(account: PointAccount, stamp: Stamp) -> Values:
    return (account.user_id, account.balance, account.sequence)


def _point_account_of(row: Selected[Any]) -> PointAccount:
    return PointAccount(user_id=UserId(row.user_id), balance=Won(row.balance), sequence=row.sequence)


def _ledger_entry(entry: PointLedgerEntry, stamp: Stamp) -> Values:
    return (entry.user_id, entry.sequence, entry.id, entry.kind, entry.amount, entry.balance_after, entry.source, entry.created_at)


def _idempotency(record: IdempotencyRecord, stamp: Stamp) -> Values:
    return (*record.key, record.fingerprint, b"".join(part.bytes for part in record.result), record.created_at)


def _idempotency_of(row: Selected[Any]) -> IdempotencyRecord:
    result = row.result
    return IdempotencyRecord(
        key=IdempotencyKey(row.shard_key, UserId(row.owner), row.operation, row.key),
        fingerprint=row.fingerprint,
        result=tuple(UUID(bytes=result[start : start + UUID_BYTES]) for start in range(0, len(result), UUID_BYTES)),
        created_at=row.created_at,
    )


def _inbox(message_id: MessageId, stamp: Stamp) -> Values:
    return (stamp.shard, message_id, stamp.now)


def _last_handled(last: LastHandled, stamp: Stamp) -> Values:
    return (stamp.shard, last.key, last.sequence, stamp.now)


def _contact(contact: Contact, stamp: Stamp) -> Values:
    return (contact.user_id, contact.phone, contact.chosen)


def _contact_of(row: Selected[Any]) -> Contact:
    return Contact(user_id=UserId(row.user_id), phone=row.phone, chosen=row.chosen)


def _outbox(message: OutboxMessage, stamp: Stamp) -> Values:
    return (
        message.shard_key,
        message.id,
        message.aggregate_type,
        str(message.key),
        message.type,
        message.version,
        message.sequence,
        message.occurred_at,
        message.payload,
        OutboxStatus.PENDING,
        0,
    )


def notification_values(notification: Notification, stamp: Stamp) -> Values:
    return (
        notification.concert_id,
        notification.id,
        notification.event,
        notification.recipient,
        notification.channel,
        notification.phone,
        notification.template,
        dumps(dict(notification.facts), ensure_ascii=False),
        notification.status,
        notification.created_at,
        0,
        None,
        stamp.now,
        notification.about,
        notification.sequence,
    )


MAPPERS = (
    Mapper(
        kind="queues",
        table=CONCERT_QUEUES,
        row_of=_queue,
        object_of=domain_rows.queue_of,
        key_of=lambda queue: queue.concert_id,
        changing=("epoch", "status", "capacity", "rate"),
    ),
    Mapper(
        kind="performances",
        table=PERFORMANCES,
        row_of=_performance,
        object_of=domain_rows.performance_of,
        changing=("venue", "starts_at", "status"),
    ),
    Mapper(
        kind="buyers",
        table=BUYERS,
        row_of=_buyer,
        object_of=domain_rows.buyer_of,
        changing=tuple(column.name for column in BUYERS.columns if not column.primary_key),
    ),
    Mapper(
        kind="reservations",
        table=RESERVATIONS,
        row_of=_reservation,
        object_of=domain_rows.reservation_of,
        changing=("status", "expires_at", "payment_id", "sequence", "open_payment_id", "unpinned_expires_at"),
        companions=(
            Companion(table=RESERVATION_SEATS, rows_of=_seats_of_reservation),
            Companion(table=PERSON_RESERVATIONS, rows_of=_reservation_of_person),
        ),
    ),
    Mapper(
        kind="seats",
        table=SEATS,
        row_of=_seat,
        object_of=domain_rows.seat_of,
        changing=("status", "reservation_id", "held_until", "changed_at"),
    ),
    Mapper(
        kind="point_accounts",
        table=POINT_ACCOUNTS,
        row_of=_point_account,
        object_of=_point_account_of,
        key_of=lambda account: account.user_id,
        changing=("balance", "sequence"),
    ),
    Mapper(kind="ledger", table=POINT_LEDGER, row_of=_ledger_entry),
    Mapper(
        kind="payments",
        table=PAYMENTS,
        row_of=_payment,
        object_of=domain_rows.payment_of,
        changing=("status", "paid_at", "decline_code"),
    ),
    Mapper(kind="tickets", table=TICKETS, row_of=_ticket, object_of=domain_rows.ticket_of, changing=("live",)),
    Mapper(
        kind="idempotency",
        table=IDEMPOTENCY_RECORDS,
        row_of=_idempotency,
        object_of=_idempotency_of,
        key_of=lambda record: record.key,
    ),
    Mapper(
        kind="inbox",
        table=INBOX,
        row_of=_inbox,
        object_of=lambda row: MessageId(row.message_id),
        key_of=lambda message_id: message_id,
    ),
    Mapper(
        kind="handled_keys",
        table=HANDLED_KEYS,
        row_of=_last_handled,
        object_of=lambda row: LastHandled(key=row.key, sequence=row.sequence),
        key_of=lambda last: last.key,
        changing=("sequence", "handled_at"),
    ),
    Mapper(
        kind="contacts",
        table=CONTACTS,
        row_of=_contact,
        object_of=_contact_of,
        key_of=lambda contact: contact.user_id,
        changing=("phone", "chosen"),
    ),
    Mapper(
        kind="orders",
        table=PAYMENT_ORDERS,
        row_of=lambda order, stamp: card_rows.order_values(order),
        object_of=card_rows.order_of,
        key_of=lambda order: order.key,
    ),
    Mapper(
        kind="top_ups",
        table=TOP_UPS,
        row_of=lambda top_up, stamp: card_rows.top_up_values(top_up),
        object_of=card_rows.top_up_of,
        changing=("status", "completed_at", "decline_code"),
    ),
    Mapper(
        kind="errands",
        table=GATEWAY_ERRANDS,
        row_of=lambda errand, stamp: card_rows.errand_values(errand),
        object_of=card_rows.run_errand_of,
        changing=card_rows.CHANGING,
    ),
    Mapper(kind="outbox", table=OUTBOX_MESSAGES, row_of=_outbox),
    Mapper(kind="notifications", table=NOTIFICATIONS, row_of=notification_values),
)
"""In the order in which rows are written."""

MAPPER_OF = {mapper.kind: mapper for mapper in MAPPERS}
