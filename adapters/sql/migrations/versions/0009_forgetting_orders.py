"""Payment orders by when they were made: what can no longer be paid is forgotten.

As in the first step, each statement does nothing where an earlier, interrupted run has been.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLE = "payment_orders"
INDEX = "ix_payment_orders_created_at"


def upgrade() -> None:
    if INDEX not in _indexes():
        op.create_index(INDEX, TABLE, ["created_at"])


def downgrade() -> None:
    if INDEX in _indexes():
        op.drop_index(INDEX, TABLE)


def _indexes() -> set[str | None]:
    return {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(TABLE)}
