"""Dead letters and what was done with them, the retry queue's moment, how far a key was handled, and headers on the embedded broker.

As in the first step, each statement does nothing where an earlier, interrupted run has been.

Revision ID: 0004
Revises: 0003
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from adapters.sql import column_types as types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_dead_letters_letter_id": ("dead_letters", ["letter_id"]),
    "ix_dead_letters_status": ("dead_letters", ["status", "letter_id"]),
    "ix_dead_letters_ended_at": ("dead_letters", ["ended_at"]),
    "ix_dead_letter_audit_at": ("dead_letter_audit", ["at"]),
    "ix_handled_keys_handled_at": ("handled_keys", ["handled_at"]),
    "ix_inbox_received_at": ("inbox", ["received_at"]),
}


def upgrade() -> None:
    _add("outbox_messages", sa.Column("next_attempt_at", types.UtcDateTime(), nullable=True))
    _create(
        "dead_letters",
        sa.Column("shard_key", types.BinaryUuid(16), nullable=False),
        sa.Column("letter_id", types.BinaryUuid(16), nullable=False),
        sa.Column("origin", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("died_at", types.UtcDateTime(), nullable=False),
        sa.Column("position", sa.String(300), nullable=True),
        sa.Column("message_id", types.BinaryUuid(16), nullable=True),
        sa.Column("aggregate_type", sa.String(60), nullable=True),
        sa.Column("key", types.BinaryUuid(16), nullable=True),
        sa.Column("type", sa.String(60), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("occurred_at", types.UtcDateTime(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.Column("excerpt", sa.String(1000), nullable=True),
        sa.Column("ended_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("shard_key", "letter_id", name="pk_dead_letters"),
        sa.UniqueConstraint("shard_key", "position", name="uq_dead_letters_position"),
    )
    _create(
        "dead_letter_audit",
        sa.Column("shard_key", types.BinaryUuid(16), nullable=False),
        sa.Column("letter_id", types.BinaryUuid(16), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("operator", sa.String(100), nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("shard_key", "letter_id", name="pk_dead_letter_audit"),
    )
    _create(
        "handled_keys",
        sa.Column("shard_key", types.BinaryUuid(16), nullable=False),
        sa.Column("key", types.BinaryUuid(16), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("handled_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("shard_key", "key", name="pk_handled_keys"),
    )
    for name, (table, columns) in INDEXES.items():
        if name not in _indexes_of(table):
            op.create_index(name, table, columns)
    if op.get_bind().dialect.name == "sqlite":
        _add("broker_log", sa.Column("headers", sa.Text(), nullable=True))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite" and "headers" in _columns_of("broker_log"):
        op.drop_column("broker_log", "headers")
    if "ix_inbox_received_at" in _indexes_of("inbox"):
        op.drop_index("ix_inbox_received_at", "inbox")
    for table in ("handled_keys", "dead_letter_audit", "dead_letters"):
        op.drop_table(table, if_exists=True)
    if "next_attempt_at" in _columns_of("outbox_messages"):
        op.drop_column("outbox_messages", "next_attempt_at")


def _add(table: str, column: "sa.Column[Any]") -> None:
    if column.name not in _columns_of(table):
        op.add_column(table, column)


def _columns_of(table: str) -> set[str]:
    return {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}


def _indexes_of(table: str) -> set[str | None]:
    return {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}


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
