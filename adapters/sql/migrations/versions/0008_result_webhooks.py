"""Notifications by their own id: a provider names them so, and knows no shards.

As in the first step, each statement does nothing where an earlier, interrupted run has been.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLE = "notifications"
INDEX = "ix_notifications_id"


def upgrade() -> None:
    if INDEX not in _indexes():
        op.create_index(INDEX, TABLE, ["notification_id"])


def downgrade() -> None:
    if INDEX in _indexes():
        op.drop_index(INDEX, TABLE)


def _indexes() -> set[str | None]:
    return {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(TABLE)}
