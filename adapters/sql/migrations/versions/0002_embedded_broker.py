"""The embedded broker's log and the offsets its readers have committed; they live beside the rest in a SQLite file only.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    op.create_table(
        "broker_log",
        # Numbers are never given twice, even when everything older has been forgotten: hence AUTOINCREMENT.
        sa.Column("offset", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("message_id", sa.LargeBinary, nullable=False),
        sa.Column("shard_key", sa.LargeBinary, nullable=False),
        sa.Column("aggregate_type", sa.Text, nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("occurred_at", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("appended_at", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_broker_log_partition", "broker_log", ["topic", "partition", "offset"])
    op.create_table(
        "broker_offsets",
        sa.Column("reader", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("next_offset", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("reader", "topic", "partition", name="pk_broker_offsets"),
    )


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    op.drop_table("broker_offsets")
    op.drop_index("ix_broker_log_partition", "broker_log")
    op.drop_table("broker_log")
