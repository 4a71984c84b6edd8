"""Time that passes without anybody waiting: every moment that a claim or a hold ends at moves into the past."""

from typing import Any

from sqlalchemy import Connection, text

from adapters.sql.database import Database

CLAIMS = {
    "outbox_messages": ("leased_until", "next_attempt_at"),
    "notifications": ("leased_until", "next_attempt_at", "first_attempt_at", "last_attempt_at"),
    "gateway_errands": ("leased_until", "due_at", "begun_at"),
}
HOLDS = {
    "reservations": ("expires_at", "unpinned_expires_at"),
    "seats": ("held_until",),
    "buyers": ("deadline", "first_deadline", "open_hold_until"),
}


async def let_time_pass(database: Database, seconds: int, *, for_holds: bool = False) -> None:
    """For leases and waits; for holds and passes too, if asked. The providers' clocks are another matter."""
    tables = CLAIMS | HOLDS if for_holds else CLAIMS

    def shift(connection: Connection) -> None:
        for table, columns in tables.items():
            for column in columns:
                connection.execute(text(_earlier(connection.dialect.name, table, column, seconds)))

    await database.write(shift)


async def hurry_errands(database: Database) -> None:
    """Those that wait for their time, whatever it is, have waited for it."""
    long_ago = "1970-01-02 00:00:00.000000"
    hurried = text(f"UPDATE gateway_errands SET due_at = '{long_ago}' WHERE state = 'OPEN' AND due_at > '{long_ago}'")
    await database.write(lambda connection: connection.execute(hurried))


def shift_file(connection: Any, seconds: int) -> None:
    """The same for claims, on a ``sqlite3`` connection to a file that nobody serves just now."""
    for table, columns in CLAIMS.items():
        for column in columns:
            connection.execute(_earlier("sqlite", table, column, seconds))


def _earlier(dialect: str, table: str, column: str, seconds: int) -> str:
    moment = f"{column} - INTERVAL {seconds} SECOND"
    if dialect == "sqlite":
        moment = f"strftime('%Y-%m-%d %H:%M:%f', {column}, '-{seconds} seconds') || '000'"
    return f"UPDATE {table} SET {column} = {moment} WHERE {column} IS NOT NULL"
