"""What became of a notification after a provider had taken it, and what else is told about the same thing.

As in the first step, each statement does nothing where an earlier, interrupted run has been.

Revision ID: 0005
Revises: 0004
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from adapters.sql import column_types as types

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = "notifications"
INDEX = "ix_notifications_about"
ADDED = ("about", "about_sequence", "looks", "taken_at", "delivered_by")


def upgrade() -> None:
    """Notifications from before say nothing of what they are about: none waits for another, and none is made untrue."""
    for column in (
        sa.Column("about", types.BinaryUuid(16), nullable=True),
        sa.Column("about_sequence", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("looks", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("taken_at", types.UtcDateTime(), nullable=True),
        sa.Column("delivered_by", sa.String(20), nullable=True),
    ):
        _add(column)
    if INDEX not in _indexes():
        op.create_index(INDEX, TABLE, ["concert_id", "about", "about_sequence"])


def downgrade() -> None:
    if INDEX in _indexes():
        op.drop_index(INDEX, TABLE)
    for name in reversed(ADDED):
        if name in _columns():
            op.drop_column(TABLE, name)


def _add(column: "sa.Column[Any]") -> None:
    if column.name not in _columns():
        op.add_column(TABLE, column)


def _columns() -> set[str]:
    return {column["name"] for column in sa.inspect(op.get_bind()).get_columns(TABLE)}


def _indexes() -> set[str | None]:
    return {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(TABLE)}
