"""What a refusal of the database means, in one table: by number and name on MySQL, by columns on SQLite."""

import re
import sqlite3
from dataclasses import dataclass

from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint

from adapters.sql.mysql_wire import StatementRefused
from adapters.sql.tables import Row
from domain.errors import AlreadyThere, NotCommitted, Step

DECIDE_AGAIN = frozenset(
    {
        "pk_idempotency_records",
        "pk_buyers",
        "pk_point_accounts",
        "pk_contacts",
        "pk_inbox",
        "pk_handled_keys",
        "pk_concert_queues",
    },
)
"""Rows that a transaction names, finds absent and adds: another was faster, so they are loaded and decided on anew."""

STEPS = {
    "tickets": Step.TICKET_ISSUANCE,
    "point_accounts": Step.POINT_DEDUCTION,
    "point_ledger": Step.POINT_DEDUCTION,
    "outbox_messages": Step.OUTBOX,
    "notifications": Step.NOTIFICATION,
}

DUPLICATE = 1062
TRANSIENT = frozenset(
    {
        1021,  # disk full
        1040,  # too many connections
        1053,  # server shutdown
        1158,  # network error while reading
        1205,  # lock wait
        1213,  # deadlock
        1290,  # read-only: a primary that was fenced
        1317,  # interrupted
        1836,  # read-only mode
        1927,  # connection killed
        3024,  # execution time exceeded
        3100,  # a replication hook refused
        3101,  # rolled back by the replication plugin
        3169,  # session killed
        4031,  # disconnected for idling
    }
)
"""MySQL's numbers of what may be gone at the next try. Vitess reports a deadlock as one of 3024, 1317, 1205."""

SHORTAGES = frozenset({1021, 1040})
"""Of room, or of connections."""

ENDS_CONNECTION = frozenset({1053, 1158, 1290, 1836, 1927, 3169, 4031})
"""After these another connection, perhaps of another server, is needed."""


@dataclass(eq=False)
class Refused(Exception):
    """The database took nothing. ``error`` is for the transaction at fault, once it is known to be alone."""

    error: Exception
    decide_again: bool = False


def by_mysql(refused: StatementRefused, table: str | None) -> Refused:
    """``table``: whose statement it was."""
    if refused.errno == DUPLICATE:
        return _duplicate(_mysql_constraint(refused.message), table, refused)
    if refused.errno in TRANSIENT:
        short = refused.errno in SHORTAGES
        return Refused(_caused(NotCommitted(f"MySQL error {refused.errno}", step=_step(table), shortage=short), refused))
    return Refused(refused)


def by_sqlite(error: sqlite3.Error, table: str | None) -> Refused:
    if isinstance(error, sqlite3.IntegrityError):
        name = _SQLITE_CONSTRAINTS.get(str(error).removeprefix("UNIQUE constraint failed: "))
        return _duplicate(name, table, error) if name else Refused(error)
    if isinstance(error, sqlite3.OperationalError):
        short = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        return Refused(_caused(NotCommitted(str(error), step=_step(table), shortage=short), error))
    return Refused(error)


def _duplicate(constraint: str | None, table: str | None, cause: Exception) -> Refused:
    again = constraint in DECIDE_AGAIN
    return Refused(_caused(AlreadyThere(f"there is such a row already: {constraint}", step=_step(table)), cause), decide_again=again)


def _step(table: str | None) -> Step:
    return STEPS.get(table or "", Step.PAYMENT)


def _caused(fault: NotCommitted, cause: Exception) -> NotCommitted:
    fault.__cause__ = cause
    return fault


def _mysql_constraint(message: str) -> str | None:
    """``Duplicate entry '…' for key 'table.constraint'``."""
    found = re.search(r"for key '(\w+)\.(\w+)'$", message)
    if found is None:
        return None
    table, name = found.groups()
    return f"pk_{table}" if name == "PRIMARY" else name


def _constraints_by_columns() -> dict[str, str]:
    named = {}
    for table in Row.metadata.tables.values():
        for constraint in table.constraints:
            assert isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint)
            columns = ", ".join(f"{table.name}.{column.name}" for column in constraint.columns)
            named[columns] = str(constraint.name)
    return named


_SQLITE_CONSTRAINTS = _constraints_by_columns()
