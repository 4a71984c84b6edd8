"""When a notification was last tried: until a while after that, a look that finds nothing decides nothing.

As in the first step, each statement does nothing where an earlier, interrupted run has been.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

from adapters.sql import column_types as types

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLE = "notifications"
COLUMN = "last_attempt_at"


def upgrade() -> None:
    """Of a notification from before only the first attempt is known."""
    if COLUMN not in _columns():
        op.add_column(TABLE, sa.Column(COLUMN, types.UtcDateTime(), nullable=True))


def downgrade() -> None:
    if COLUMN in _columns():
        op.drop_column(TABLE, COLUMN)


def _columns() -> set[str]:
    return {column["name"] for column in sa.inspect(op.get_bind()).get_columns(TABLE)}
