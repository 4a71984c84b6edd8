"""When an errand to the gateway that had been closed was looked up again.

As in the first step, each statement does nothing where an earlier, interrupted run has been.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

from adapters.sql import column_types as types

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLE = "gateway_errands"
COLUMN = "looked_back_at"


def upgrade() -> None:
    if COLUMN not in _columns():
        op.add_column(TABLE, sa.Column(COLUMN, types.UtcDateTime(), nullable=True))


def downgrade() -> None:
    if COLUMN in _columns():
        op.drop_column(TABLE, COLUMN)


def _columns() -> set[str]:
    return {column["name"] for column in sa.inspect(op.get_bind()).get_columns(TABLE)}
