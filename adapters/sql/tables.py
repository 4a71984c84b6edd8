"""The rows. They are not the domain: ``mappers`` turns one into the other.

No foreign keys: rows live on shards, and their hidden locks would stand outside the order. Every other invariant has a
constraint with a name. Keys of a booking begin with its concert. Text compares by byte, on MySQL without padding.
Sizes: a UUID has 16 bytes; moments are UTC to the microsecond.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, PrimaryKeyConstraint, SmallInteger, String, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from adapters.sql.column_types import BinaryUuid, Bytes, TextUuid, UtcDateTime

WORD = 20
"""The longest name of a status or a kind."""
ORDER_ID = 64
"""The longest order id that the card gateway takes."""
PAYMENT_KEY = 200
"""The longest payment key that the card gateway gives."""
CODE = 100
"""Of an answer's code, as much is kept."""

_STORAGE = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_0900_bin", "sqlite_with_rowid": False}


def _table(*constraints: PrimaryKeyConstraint | UniqueConstraint | Index) -> tuple[Any, ...]:
    return (*constraints, _STORAGE)


def _id(*, nullable: bool = False) -> Any:
    return Field(sa_column=Column(BinaryUuid(), nullable=nullable))


def _moment(*, nullable: bool = False) -> Any:
    return Field(sa_column=Column(UtcDateTime(), nullable=nullable))


def _text(length: int, *, nullable: bool = False) -> Any:
    return Field(sa_column=Column(String(length), nullable=nullable))


def _big() -> Any:
    return Field(sa_column=Column(BigInteger(), nullable=False))


def _digest() -> Any:
    return Field(sa_column=Column(Bytes(32), nullable=False))


class Row(SQLModel):
    metadata: ClassVar[MetaData] = MetaData()


class ConcertRow(Row, table=True):
    __tablename__ = "concerts"
    __table_args__ = _table(
        PrimaryKeyConstraint("concert_id", name="pk_concerts"),
        Index("ix_concerts_sales_close_at", "sales_close_at"),
    )

    concert_id: UUID = _id()
    title: str = _text(200)
    artist: str = _text(200)
    queue_opens_at: datetime = _moment()
    sales_open_at: datetime = _moment()
    sales_close_at: datetime = _moment()
    purchase_limit: int


class PerformanceRow(Row, table=True):
    """The terms of its sale stand in its concert's row. The index is for those that were cancelled."""

    __tablename__ = "performances"
    __table_args__ = _table(
        PrimaryKeyConstraint("concert_id", "performance_id", name="pk_performances"),
        Index("ix_performances_status", "status"),
    )

    concert_id: UUID = _id()
    performance_id: UUID = _id()
    venue: str = _text(200)
    starts_at: datetime = _moment()
    status: str = _text(WORD)


class SeatRow(Row, table=True):
    """``changed_at``: when it was last written, so that readers can ask for what is new."""

    __tablename__ = "seats"
    __table_args__ = _table(
        PrimaryKeyConstraint("concert_id", "performance_id", "seat_id", name="pk_seats"),
        Index("ix_seats_changed_at", "concert_id", "performance_id", "changed_at"),
    )

    concert_id: UUID = _id()
    performance_id: UUID = _id()
    seat_id: UUID = _id()
    section: str = _text(60)
    row: str = _text(20)
    number: int
    grade: str = _text(40)
    price: int = _big()
    status: str = _text(WORD)
    reservation_id: UUID | None = _id(nullable=True)
    held_until: datetime | None = _moment(nullable=True)
    changed_at: datetime = _moment()


class ConcertQueueRow(Row, table=True):
    __tablename__ = "concert_queues"
    __table_args__ = _table(PrimaryKeyConstraint("concert_id", name="pk_concert_queues"))

    concert_id: UUID = _id()
    epoch: int
    status: str = _text(WORD)
    capacity: int
    rate: int


class BuyerRow(Row, table=True):
    __tablename__ = "buyers"
    __table_args__ = _table(PrimaryKeyConstraint("concert_id", "user_id", name="pk_buyers"))

    concert_id: UUID = _id()
    user_id: UUID = _id()
    pass_place: int = _big()
    first_deadline: datetime | None = _moment(nullable=True)
    deadline: datetime | None = _moment(nullable=True)
    shown_at: datetime | None = _moment(nullable=True)
    ended: str | None = _text(WORD, nullable=True)
    highest_spent_place: int = _big()
    held: int
    bought: int
    open_performance_id: UUID | None = _id(nullable=True)
    open_reservation_id: UUID | None = _id(nullable=True)
    open_hold_until: datetime | None = _moment(nullable=True)


class ReservationRow(Row, table=True):
    """Its seats stand in ``reservation_seats``; the index is the sweeper's."""

    __tablename__ = "reservations"
    __table_args__ = _table(
        PrimaryKeyConstraint("concert_id", "performance_id", "reservation_id", name="pk_reservations"),
        Index("ix_reservations_status_expires_at", "status", "expires_at"),
    )

    concert_id: UUID = _id()
    performance_id: UUID = _id()
    reservation_id: UUID = _id()
    user_id: UUID = _id()
    total_price: int = _big()
    status: str = _text(WORD)
    expires_at: datetime = _moment()
    pass_place: int = _big()
    created_at: datetime = _moment()
    payment_id: UUID | None = _id(nullable=True)
    sequence: int
    open_payment_id: UUID | None = _id(nullable=True)
    unpinned_expires_at: datetime | None = _moment(nullable=True)


class ReservationSeatRow(Row, table=True):
    """Written once, with its reservation. ``position`` keeps the order in which the seats were asked for."""

    __tablename__ = "reservation_seats"
    __table_args__ = _table(PrimaryKeyConstraint("concert_id", "performance_id", "reservation_id", "seat_id", name="pk_reservation_seats"))

    concert_id: UUID = _id()
    performance_id: UUID = _id()
    reservation_id: UUID = _id()
    seat_id: UUID = _id()
    position: int = Field(sa_column=Column(SmallInteger(), nullable=False))


class PersonReservationRow(Row, table=True):
    """A person's reservations of all concerts, by rising id, which is by time."""

    __tablename__ = "person_reservations"
    __table_args__ = _table(PrimaryKeyConstraint("user_id", "reservation_id", name="pk_person_reservations"))

    user_id: UUID = _id()
    reservation_id: UUID = _id()
    concert_id: UUID = _id()
    performance_id: UUID = _id()


class PaymentRow(Row, table=True):
    __tablename__ = "payments"
    __table_args__ = _table(PrimaryKeyConstraint("concert_id", "performance_id", "payment_id", name="pk_payments"))

    concert_id: UUID = _id()
    performance_id: UUID = _id()
    payment_id: UUID = _id()
    reservation_id: UUID = _id()
    user_id: UUID = _id()
    method: str = _text(WORD)
    status: str = _text(WORD)
    points_amount: int = _big()
    card_amount: int = _big()
    requested_at: datetime = _moment()
    paid_at: datetime | None = _moment(nullable=True)
    points_taken: int = Field(sa_column=Column(BigInteger(), nullable=False, server_default="0"))
    order_id: str | None = _text(ORDER_ID, nullable=True)
    payment_key: str | None = _text(PAYMENT_KEY, nullable=True)
    decline_code: str | None = _text(CODE, nullable=True)


class TicketRow(Row, table=True):
    """``live`` is 1 or NULL, and NULLs are never equal: voided tickets do not stand in the way of a resale."""

    __tablename__ = "tickets"
    __table_args__ = _table(
        PrimaryKeyConstraint("concert_id", "performance_id", "ticket_id", name="pk_tickets"),
        UniqueConstraint("concert_id", "performance_id", "seat_id", "live", name="uq_tickets_live_seat"),
    )

    concert_id: UUID = _id()
    performance_id: UUID = _id()
    ticket_id: UUID = _id()
    seat_id: UUID = _id()
    reservation_id: UUID = _id()
    payment_id: UUID = _id()
    user_id: UUID = _id()
    issued_at: datetime = _moment()
    live: int | None = Field(sa_column=Column(SmallInteger(), nullable=True))


class PointAccountRow(Row, table=True):
    __tablename__ = "point_accounts"
    __table_args__ = _table(PrimaryKeyConstraint("user_id", name="pk_point_accounts"))

    user_id: UUID = _id()
    balance: int = _big()
    sequence: int


class PointLedgerRow(Row, table=True):
    """The ids are derived from person, source and kind, so they need no index of their own."""

    __tablename__ = "point_ledger"
    __table_args__ = _table(
        PrimaryKeyConstraint("user_id", "sequence", name="pk_point_ledger"),
        UniqueConstraint("user_id", "source", "kind", name="uq_point_ledger_source_kind"),
    )

    user_id: UUID = _id()
    sequence: int
    entry_id: UUID = _id()
    kind: str = _text(WORD)
    amount: int = _big()
    balance_after: int = _big()
    source: UUID = _id()
    created_at: datetime = _moment()


class IdempotencyRow(Row, table=True):
    """``result`` is the ids of what the first request made, one behind the other. The index is for forgetting."""

    __tablename__ = "idempotency_records"
    __table_args__ = _table(
        PrimaryKeyConstraint("shard_key", "owner", "operation", "key", name="pk_idempotency_records"),
        Index("ix_idempotency_records_created_at", "created_at"),
    )

    shard_key: UUID = _id()
    owner: UUID = _id()
    operation: str = _text(WORD)
    key: str = _text(255)
    fingerprint: bytes = _digest()
    result: bytes = Field(sa_column=Column(Bytes(64), nullable=False))
    created_at: datetime = _moment()


class OutboxRow(Row, table=True):
    """Debezium's event router reads ``id, aggregatetype, aggregateid, type, payload``; the rest is ours.

    ``aggregateid`` is text, so that the key on the broker is the same whoever relays. The index serves both those who
    look for what is to be published (``published_at IS NULL``) and those who forget what was published long ago.
    """

    __tablename__ = "outbox_messages"
    __table_args__ = _table(
        PrimaryKeyConstraint("shard_key", "id", name="pk_outbox_messages"),
        UniqueConstraint("aggregateid", "sequence", name="uq_outbox_messages_sequence"),
        Index("ix_outbox_messages_claim", "status", "published_at", "occurred_at"),
    )

    shard_key: UUID = _id()
    id: UUID = _id()
    aggregatetype: str = _text(60)
    aggregateid: UUID = Field(sa_column=Column(TextUuid(), nullable=False))
    type: str = _text(60)
    version: int
    sequence: int
    occurred_at: datetime = _moment()
    payload: str = Field(sa_column=Column(Text(), nullable=False))
    status: str = _text(WORD)
    attempts: int
    lease_owner: str | None = _text(100, nullable=True)
    leased_until: datetime | None = _moment(nullable=True)
    published_at: datetime | None = _moment(nullable=True)
    last_fault: str | None = _text(500, nullable=True)
    next_attempt_at: datetime | None = _moment(nullable=True)


class DeadLetterRow(Row, table=True):
    """A message that was given up, with all that is needed to send it again. NULLs: what an unreadable one does not tell.

    ``position`` is where it lies on the broker, and what a repeat of the same burial is known by.
    """

    __tablename__ = "dead_letters"
    __table_args__ = _table(
        PrimaryKeyConstraint("shard_key", "letter_id", name="pk_dead_letters"),
        UniqueConstraint("shard_key", "position", name="uq_dead_letters_position"),
        Index("ix_dead_letters_letter_id", "letter_id"),
        Index("ix_dead_letters_status", "status", "letter_id"),
        Index("ix_dead_letters_ended_at", "ended_at"),
    )

    shard_key: UUID = _id()
    letter_id: UUID = _id()
    origin: str = _text(WORD)
    status: str = _text(WORD)
    reason: str = _text(500)
    tries: int
    died_at: datetime = _moment()
    position: str | None = _text(300, nullable=True)
    message_id: UUID | None = _id(nullable=True)
    aggregate_type: str | None = _text(60, nullable=True)
    key: UUID | None = _id(nullable=True)
    type: str | None = _text(60, nullable=True)
    version: int | None
    sequence: int | None
    occurred_at: datetime | None = _moment(nullable=True)
    payload: str | None = Field(sa_column=Column(Text(), nullable=True))
    excerpt: str | None = _text(1000, nullable=True)
    ended_at: datetime | None = _moment(nullable=True)


class DeadLetterAuditRow(Row, table=True):
    """Who did what to a dead letter, when and why: a letter ends once, so there is one row of each."""

    __tablename__ = "dead_letter_audit"
    __table_args__ = _table(
        PrimaryKeyConstraint("shard_key", "letter_id", name="pk_dead_letter_audit"),
        Index("ix_dead_letter_audit_at", "at"),
    )

    shard_key: UUID = _id()
    letter_id: UUID = _id()
    action: str = _text(WORD)
    operator: str = _text(100)
    note: str = _text(500)
    at: datetime = _moment()


class InboxRow(Row, table=True):
    """Messages that were handled, where they were handled."""

    __tablename__ = "inbox"
    __table_args__ = _table(
        PrimaryKeyConstraint("shard_key", "message_id", name="pk_inbox"),
        Index("ix_inbox_received_at", "received_at"),
    )

    shard_key: UUID = _id()
    message_id: UUID = _id()
    received_at: datetime = _moment()


class HandledKeyRow(Row, table=True):
    """The highest sequence of each key that was handled, so that an older message that comes late is known for one."""

    __tablename__ = "handled_keys"
    __table_args__ = _table(
        PrimaryKeyConstraint("shard_key", "key", name="pk_handled_keys"),
        Index("ix_handled_keys_handled_at", "handled_at"),
    )

    shard_key: UUID = _id()
    key: UUID = _id()
    sequence: int
    handled_at: datetime = _moment()


class ContactRow(Row, table=True):
    __tablename__ = "contacts"
    __table_args__ = _table(PrimaryKeyConstraint("user_id", name="pk_contacts"))

    user_id: UUID = _id()
    phone: str = _text(WORD)
    chosen: bool


class NotificationRow(Row, table=True):
    """``facts`` is a JSON object of texts. One index serves those who look for what is due, one those who ask what else is
    told about the same thing, one a provider, which knows no shards.
    """

    __tablename__ = "notifications"
    __table_args__ = _table(
        PrimaryKeyConstraint("concert_id", "notification_id", name="pk_notifications"),
        UniqueConstraint("event", "recipient", "channel", name="uq_notifications_event_recipient_channel"),
        Index("ix_notifications_due", "status", "next_attempt_at"),
        Index("ix_notifications_about", "concert_id", "about", "about_sequence"),
        Index("ix_notifications_id", "notification_id"),
    )

    concert_id: UUID = _id()
    notification_id: UUID = _id()
    event: UUID = _id()
    recipient: UUID = _id()
    channel: str = _text(WORD)
    phone: str | None = _text(WORD, nullable=True)
    template: str = _text(60)
    facts: str = Field(sa_column=Column(Text(), nullable=False))
    status: str = _text(WORD)
    created_at: datetime = _moment()
    attempts: int
    first_attempt_at: datetime | None = _moment(nullable=True)
    next_attempt_at: datetime = _moment()
    about: UUID | None = _id(nullable=True)
    about_sequence: int = Field(sa_column=Column(Integer(), nullable=False, server_default="0"))
    looks: int = Field(sa_column=Column(Integer(), nullable=False, server_default="0"))
    lease_owner: str | None = _text(100, nullable=True)
    leased_until: datetime | None = _moment(nullable=True)
    provider_reference: str | None = _text(100, nullable=True)
    last_fault: str | None = _text(500, nullable=True)
    taken_at: datetime | None = _moment(nullable=True)
    delivered_by: str | None = _text(WORD, nullable=True)
    last_attempt_at: datetime | None = _moment(nullable=True)


class PaymentOrderRow(Row, table=True):
    """What one attempt to pay by card is for. ``shard_key`` is its concert or, of a top-up, its person. The index is for forgetting."""

    __tablename__ = "payment_orders"
    __table_args__ = _table(
        PrimaryKeyConstraint("shard_key", "attempt", name="pk_payment_orders"),
        Index("ix_payment_orders_created_at", "created_at"),
    )

    shard_key: UUID = _id()
    attempt: UUID = _id()
    purpose: str = _text(WORD)
    user_id: UUID = _id()
    performance_id: UUID | None = _id(nullable=True)
    reservation_id: UUID | None = _id(nullable=True)
    points: int = _big()
    card_amount: int = _big()
    created_at: datetime = _moment()


class TopUpRow(Row, table=True):
    __tablename__ = "top_ups"
    __table_args__ = _table(PrimaryKeyConstraint("user_id", "top_up_id", name="pk_top_ups"))

    user_id: UUID = _id()
    top_up_id: UUID = _id()
    amount: int = _big()
    status: str = _text(WORD)
    order_id: str = _text(ORDER_ID)
    payment_key: str = _text(PAYMENT_KEY)
    requested_at: datetime = _moment()
    completed_at: datetime | None = _moment(nullable=True)
    decline_code: str | None = _text(CODE, nullable=True)


class GatewayErrandRow(Row, table=True):
    """``due_at`` is the database's moment, or NULL: at once. What stands behind ``created_at`` is how it is run.

    The index serves those who look for what is due, by the two halves of that rule, and those who look at what a person
    has to look at.
    """

    __tablename__ = "gateway_errands"
    __table_args__ = _table(
        PrimaryKeyConstraint("shard_key", "attempt", "kind", name="pk_gateway_errands"),
        Index("ix_gateway_errands_claim", "state", "due_at", "created_at"),
    )

    shard_key: UUID = _id()
    attempt: UUID = _id()
    kind: str = _text(WORD)
    order_id: str = _text(ORDER_ID)
    payment_key: str = _text(PAYMENT_KEY)
    amount: int = _big()
    idempotency_key: str = _text(60)
    request_hash: bytes = _digest()
    state: str = _text(WORD)
    created_at: datetime = _moment()
    next_step: str = _text(WORD)
    begun_at: datetime | None = _moment(nullable=True)
    sends: int
    look_ups: int
    due_at: datetime | None = _moment(nullable=True)
    lease_owner: str | None = _text(100, nullable=True)
    leased_until: datetime | None = _moment(nullable=True)
    note: str | None = _text(CODE, nullable=True)
    looked_back_at: datetime | None = _moment(nullable=True)
