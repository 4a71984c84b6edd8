"""The tables of the booking flow.

MySQL's DDL knows no transactions: each statement does nothing where an earlier, interrupted run has been.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from adapters.sql import column_types as types

revision = "0001"
down_revision = None

TABLES = (
    "concerts",
    "performances",
    "seats",
    "concert_queues",
    "buyers",
    "reservations",
    "reservation_seats",
    "person_reservations",
    "payments",
    "tickets",
    "point_accounts",
    "point_ledger",
    "idempotency_records",
    "outbox_messages",
    "inbox",
    "contacts",
    "notifications",
)
INDEXES = {
    "ix_concerts_sales_close_at": ("concerts", ["sales_close_at"]),
    "ix_idempotency_records_created_at": ("idempotency_records", ["created_at"]),
    "ix_notifications_due": ("notifications", ["status", "next_attempt_at"]),
    "ix_outbox_messages_claim": ("outbox_messages", ["status", "published_at", "occurred_at"]),
    "ix_reservations_status_expires_at": ("reservations", ["status", "expires_at"]),
    "ix_seats_changed_at": ("seats", ["concert_id", "performance_id", "changed_at"]),
}


def upgrade() -> None:
    _create(
        "concerts",
        sa.Column("concert_id", types.BinaryUuid(16), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("artist", sa.String(200), nullable=False),
        sa.Column("queue_opens_at", types.UtcDateTime(), nullable=False),
        sa.Column("sales_open_at", types.UtcDateTime(), nullable=False),
        sa.Column("sales_close_at", types.UtcDateTime(), nullable=False),
        sa.Column("purchase_limit", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("concert_id", name="pk_concerts"),
    )
    _create(
        "performances",
        sa.Column("concert_id", types.BinaryUuid(16), nullable=False),
        sa.Column("performance_id", types.BinaryUuid(16), nullable=False),
        sa.Column("venue", sa.String(200), nullable=False),
        sa.Column("starts_at", types.UtcDateTime(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("concert_id", "performance_id", name="pk_performances"),
    )
    _create(
        "seats",
        sa.Column("concert_id", types.BinaryUuid(16), nullable=False),
        sa.Column("performance_id", types.BinaryUuid(16), nullable=False),
        sa.Column("seat_id", types.BinaryUuid(16), nullable=False),
        sa.Column("section", sa.String(60), nullable=False),
        sa.Column("row", sa.String(20), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("grade", sa.String(40), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("reservation_id", types.BinaryUuid(16), nullable=True),
        sa.Column("held_until", types.UtcDateTime(), nullable=True),
        sa.Column("changed_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("concert_id", "performance_id", "seat_id", name="pk_seats"),
    )
    _create(
        "concert_queues",
        sa.Column("concert_id", types.BinaryUuid(16), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("rate", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("concert_id", name="pk_concert_queues"),
    )
    _create(
        "buyers",
        sa.Column("concert_id", types.BinaryUuid(16), nullable=False),
        sa.Column("user_id", types.BinaryUuid(16), nullable=False),
        sa.Column("pass_place", sa.BigInteger(), nullable=False),
        sa.Column("first_deadline", types.UtcDateTime(), nullable=True),
        sa.Column("deadline", types.UtcDateTime(), nullable=True),
        sa.Column("shown_at", types.UtcDateTime(), nullable=True),
        sa.Column("ended", sa.String(20), nullable=True),
        sa.Column("highest_spent_place", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("bought", sa.Integer(), nullable=False),
        sa.Column("open_performance_id", types.BinaryUuid(16), nullable=True),
        sa.Column("open_reservation_id", types.BinaryUuid(16), nullable=True),
        sa.Column("open_hold_until", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("concert_id", "user_id", name="pk_buyers"),
    )
    _create(
        "reservations",
        sa.Column("concert_id", types.BinaryUuid(16), nullable=False),
        sa.Column("performance_id", types.BinaryUuid(16), nullable=False),
        sa.Column("reservation_id", types.BinaryUuid(16), nullable=False),
        sa.Column("user_id", types.BinaryUuid(16), nullable=False),
        sa.Column("total_price", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("pass_place", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("payment_id", types.BinaryUuid(16), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("concert_id", "performance_id", "reservation_id", name="pk_reservations"),
    )
    _create(
        "reservation_seats",
        sa.Column("concert_id", types.BinaryUuid(16), nullable=False),
        sa.Column("performance_id", types.BinaryUuid(16), nullable=False),
        sa.Column("reservation_id", types.BinaryUuid(16), nullable=False),
        sa.Column("seat_id", types.BinaryUuid(16), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("concert_id", "performance_id", "reservation_id", "seat_id", name="pk_reservation_seats"),
    )
    _create(
        "person_reservations",
        sa.Column("user_id", types.BinaryUuid(16), nullable=False),
        sa.Column("reservation_id", types.BinaryUuid(16), nullable=False),
        sa.Column("concert_id", types.BinaryUuid(16), nullable=False),
        sa.Column("performance_id", types.BinaryUuid(16), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "reservation_id", name="pk_person_reservations"),
    )
    _create(
        "payments",
        sa.Column("concert_id", types.BinaryUuid(16), nullable=False),
        sa.Column("performance_id", types.BinaryUuid(16), nullable=False),
        sa.Column("payment_id", types.BinaryUuid(16), nullable=False),
        sa.Column("reservation_id", types.BinaryUuid(16), nullable=False),
        sa.Column("user_id", types.BinaryUuid(16), nullable=False),
        sa.Column("method", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("points_amount", sa.BigInteger(), nullable=False),
        sa.Column("card_amount", sa.BigInteger(), nullable=False),
        sa.Column("requested_at", types.UtcDateTime(), nullable=False),
        sa.Column("paid_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("concert_id", "performance_id", "payment_id", name="pk_payments"),
    )
    _create(
        "tickets",
        sa.Column("concert_id", types.BinaryUuid(16), nullable=False),
        sa.Column("performance_id", types.BinaryUuid(16), nullable=False),
        sa.Column("ticket_id", types.BinaryUuid(16), nullable=False),
        sa.Column("seat_id", types.BinaryUuid(16), nullable=False),
        sa.Column("reservation_id", types.BinaryUuid(16), nullable=False),
        sa.Column("payment_id", types.BinaryUuid(16), nullable=False),
        sa.Column("user_id", types.BinaryUuid(16), nullable=False),
        sa.Column("issued_at", types.UtcDateTime(), nullable=False),
        sa.Column("live", sa.SmallInteger(), nullable=True),
        sa.PrimaryKeyConstraint("concert_id", "performance_id", "ticket_id", name="pk_tickets"),
        sa.UniqueConstraint("concert_id", "performance_id", "seat_id", "live", name="uq_tickets_live_seat"),
    )
    _create(
        "point_accounts",
        sa.Column("user_id", types.BinaryUuid(16), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_point_accounts"),
    )
    _create(
        "point_ledger",
        sa.Column("user_id", types.BinaryUuid(16), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("entry_id", types.BinaryUuid(16), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("source", types.BinaryUuid(16), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "sequence", name="pk_point_ledger"),
        sa.UniqueConstraint("user_id", "source", "kind", name="uq_point_ledger_source_kind"),
    )
    _create(
        "idempotency_records",
        sa.Column("shard_key", types.BinaryUuid(16), nullable=False),
        sa.Column("owner", types.BinaryUuid(16), nullable=False),
        sa.Column("operation", sa.String(20), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", types.Bytes(32), nullable=False),
        sa.Column("result", types.Bytes(64), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("shard_key", "owner", "operation", "key", name="pk_idempotency_records"),
    )
    _create(
        "outbox_messages",
        sa.Column("shard_key", types.BinaryUuid(16), nullable=False),
        sa.Column("id", types.BinaryUuid(16), nullable=False),
        sa.Column("aggregatetype", sa.String(60), nullable=False),
        sa.Column("aggregateid", types.TextUuid(36), nullable=False),
        sa.Column("type", sa.String(60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("occurred_at", types.UtcDateTime(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(100), nullable=True),
        sa.Column("leased_until", types.UtcDateTime(), nullable=True),
        sa.Column("published_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_fault", sa.String(500), nullable=True),
        sa.PrimaryKeyConstraint("shard_key", "id", name="pk_outbox_messages"),
        sa.UniqueConstraint("aggregateid", "sequence", name="uq_outbox_messages_sequence"),
    )
    _create(
        "inbox",
        sa.Column("shard_key", types.BinaryUuid(16), nullable=False),
        sa.Column("message_id", types.BinaryUuid(16), nullable=False),
        sa.Column("received_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("shard_key", "message_id", name="pk_inbox"),
    )
    _create(
        "contacts",
        sa.Column("user_id", types.BinaryUuid(16), nullable=False),
        sa.Column("phone", sa.String(20), nullable=False),
        sa.Column("chosen", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_contacts"),
    )
    _create(
        "notifications",
        sa.Column("concert_id", types.BinaryUuid(16), nullable=False),
        sa.Column("notification_id", types.BinaryUuid(16), nullable=False),
        sa.Column("event", types.BinaryUuid(16), nullable=False),
        sa.Column("recipient", types.BinaryUuid(16), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("phone", sa.String(20), nullable=True),
        sa.Column("template", sa.String(60), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("first_attempt_at", types.UtcDateTime(), nullable=True),
        sa.Column("next_attempt_at", types.UtcDateTime(), nullable=False),
        sa.Column("lease_owner", sa.String(100), nullable=True),
        sa.Column("leased_until", types.UtcDateTime(), nullable=True),
        sa.Column("provider_reference", sa.String(100), nullable=True),
        sa.Column("last_fault", sa.String(500), nullable=True),
        sa.PrimaryKeyConstraint("concert_id", "notification_id", name="pk_notifications"),
        sa.UniqueConstraint("event", "recipient", "channel", name="uq_notifications_event_recipient_channel"),
    )
    present = {index["name"] for table, _ in INDEXES.values() for index in sa.inspect(op.get_bind()).get_indexes(table)}
    for name, (table, columns) in INDEXES.items():
        if name not in present:
            op.create_index(name, table, columns)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table, if_exists=True)


def _create(name: str, *columns: Any) -> None:
    op.create_table(
        name,
        *columns,
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_0900_bin",
        sqlite_with_rowid=False,
    )
