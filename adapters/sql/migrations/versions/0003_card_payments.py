"""Card payments: what reservations and payments say of them, orders, top-ups, and errands to the gateway.

As in the first step, each statement does nothing where an earlier, interrupted run has been.

Revision ID: 0003
Revises: 0002
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from adapters.sql import column_types as types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_gateway_errands_claim": ("gateway_errands", ["state", "due_at", "created_at"]),
    "ix_performances_status": ("performances", ["status"]),
}
ADDED = {
    "reservations": ("open_payment_id", "unpinned_expires_at"),
    "payments": ("points_taken", "order_id", "payment_key", "decline_code"),
}


def upgrade() -> None:
    _add(
        "reservations",
        sa.Column("open_payment_id", types.BinaryUuid(16), nullable=True),
        sa.Column("unpinned_expires_at", types.UtcDateTime(), nullable=True),
    )
    _add(
        "payments",
        sa.Column("points_taken", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("order_id", sa.String(64), nullable=True),
        sa.Column("payment_key", sa.String(200), nullable=True),
        sa.Column("decline_code", sa.String(100), nullable=True),
    )
    _create(
        "payment_orders",
        sa.Column("shard_key", types.BinaryUuid(16), nullable=False),
        sa.Column("attempt", types.BinaryUuid(16), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("user_id", types.BinaryUuid(16), nullable=False),
        sa.Column("performance_id", types.BinaryUuid(16), nullable=True),
        sa.Column("reservation_id", types.BinaryUuid(16), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("card_amount", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("shard_key", "attempt", name="pk_payment_orders"),
    )
    _create(
        "top_ups",
        sa.Column("user_id", types.BinaryUuid(16), nullable=False),
        sa.Column("top_up_id", types.BinaryUuid(16), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("payment_key", sa.String(200), nullable=False),
        sa.Column("requested_at", types.UtcDateTime(), nullable=False),
        sa.Column("completed_at", types.UtcDateTime(), nullable=True),
        sa.Column("decline_code", sa.String(100), nullable=True),
        sa.PrimaryKeyConstraint("user_id", "top_up_id", name="pk_top_ups"),
    )
    _create(
        "gateway_errands",
        sa.Column("shard_key", types.BinaryUuid(16), nullable=False),
        sa.Column("attempt", types.BinaryUuid(16), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("payment_key", sa.String(200), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("idempotency_key", sa.String(60), nullable=False),
        sa.Column("request_hash", types.Bytes(32), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("next_step", sa.String(20), nullable=False),
        sa.Column("begun_at", types.UtcDateTime(), nullable=True),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("look_ups", sa.Integer(), nullable=False),
        sa.Column("due_at", types.UtcDateTime(), nullable=True),
        sa.Column("lease_owner", sa.String(100), nullable=True),
        sa.Column("leased_until", types.UtcDateTime(), nullable=True),
        sa.Column("note", sa.String(100), nullable=True),
        sa.PrimaryKeyConstraint("shard_key", "attempt", "kind", name="pk_gateway_errands"),
    )
    for name, (table, columns) in INDEXES.items():
        if name not in _indexes_of(table):
            op.create_index(name, table, columns)


def downgrade() -> None:
    for name, (table, _) in INDEXES.items():
        if name in _indexes_of(table):
            op.drop_index(name, table)
    for table in ("gateway_errands", "top_ups", "payment_orders"):
        op.drop_table(table, if_exists=True)
    for table, columns in ADDED.items():
        for column in [name for name in reversed(columns) if name in _columns_of(table)]:
            op.drop_column(table, column)


def _add(table: str, *columns: sa.Column[Any]) -> None:
    """Existing rows are no card payments: they take the defaults."""
    present = _columns_of(table)
    for column in columns:
        if column.name not in present:
            op.add_column(table, column)


def _columns_of(table: str) -> set[str]:
    return {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}


def _indexes_of(table: str) -> set[str | None]:
    """None are there of a table that an interrupted way down has dropped already."""
    inspector = sa.inspect(op.get_bind())
    return {index["name"] for index in inspector.get_indexes(table)} if inspector.has_table(table) else set()


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
