"""Forgetting, a little at a time, what nobody asks for any more."""

from datetime import datetime

from sqlalchemy import Column, ColumnElement, Table, true

from adapters.sql.batched_delete import delete_at_most
from adapters.sql.core_tables import (
    DEAD_LETTER_AUDIT,
    DEAD_LETTERS,
    GATEWAY_ERRANDS,
    HANDLED_KEYS,
    INBOX,
    NOTIFICATIONS,
    OUTBOX_MESSAGES,
    PAYMENT_ORDERS,
)
from adapters.sql.database import Database
from domain.gateway_errand import ErrandState
from domain.message import OutboxStatus
from domain.notification import NotificationStatus

UNDER_WAY = (NotificationStatus.PENDING, NotificationStatus.SENT)


class SqlOldRows:
    """Rows by the moment in a column that an index finds; NULL is never old."""

    def __init__(self, database: Database, table: Table, moment: "Column[datetime]", only: ColumnElement[bool] | None = None) -> None:
        self._database = database
        self._table = table
        self._moment = moment
        self._only = true() if only is None else only

    async def purge(self, before: datetime, limit: int) -> int:
        statement = delete_at_most(self._table, (self._moment < before) & self._only, limit, self._database.dialect_name)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)


def published_messages(database: Database) -> SqlOldRows:
    columns = OUTBOX_MESSAGES.c
    return SqlOldRows(database, OUTBOX_MESSAGES, columns.published_at, columns.status == OutboxStatus.PUBLISHED)


def inbox_entries(database: Database) -> SqlOldRows:
    return SqlOldRows(database, INBOX, INBOX.c.received_at)


def handled_keys(database: Database) -> SqlOldRows:
    return SqlOldRows(database, HANDLED_KEYS, HANDLED_KEYS.c.handled_at)


def ended_letters(database: Database) -> SqlOldRows:
    return SqlOldRows(database, DEAD_LETTERS, DEAD_LETTERS.c.ended_at)


def dead_letter_audit(database: Database) -> SqlOldRows:
    return SqlOldRows(database, DEAD_LETTER_AUDIT, DEAD_LETTER_AUDIT.c.at)


def ended_notifications(database: Database) -> SqlOldRows:
    """By when they were last due. Those that have not ended are never old."""
    columns = NOTIFICATIONS.c
    ended = columns.status.in_([status for status in NotificationStatus if status not in UNDER_WAY])
    return SqlOldRows(database, NOTIFICATIONS, columns.next_attempt_at, ended)


def closed_errands(database: Database) -> SqlOldRows:
    """By when they were made. Nothing is due of them, and that stands in the index between their state and that moment."""
    columns = GATEWAY_ERRANDS.c
    closed = (columns.state == ErrandState.CLOSED) & columns.due_at.is_(None)
    return SqlOldRows(database, GATEWAY_ERRANDS, columns.created_at, closed)


def payment_orders(database: Database) -> SqlOldRows:
    return SqlOldRows(database, PAYMENT_ORDERS, PAYMENT_ORDERS.c.created_at)
