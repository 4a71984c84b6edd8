"""A writer on SQLite: a whole try in one visit to the thread that writes."""

import asyncio
import sqlite3

from sqlalchemy import Table

from adapters.sql.attempt import Attempt
from adapters.sql.faults import Refused, by_sqlite
from adapters.sql.slow_statements import SlowStatements
from adapters.sql.sqlite_database import SqliteDatabase
from adapters.sql.sqlite_statements import load, load_text, write, write_text
from application.ports.clock import Clock
from domain.errors import OutcomeUnknown


class SqliteSession:
    def __init__(self, database: SqliteDatabase, clock: Clock, slow: SlowStatements) -> None:
        self._database = database
        self._clock = clock
        self._slow = slow

    async def commit(self, attempt: Attempt) -> None:
        """Raises Refused or OutcomeUnknown."""
        visit = asyncio.ensure_future(self._database.in_writer(lambda connection: self._commit(connection, attempt)))
        try:
            await asyncio.shield(visit)
        except asyncio.CancelledError:
            await asyncio.wait([visit])  # the thread goes on, and what becomes of it has to be known
            raise

    def close(self) -> None:
        """The connection is the database's."""

    def _commit(self, connection: sqlite3.Connection, attempt: Attempt) -> None:
        writing: list[Table] = []
        context = attempt.commands[0].context
        try:
            with self._slow.timed("load", lambda: load_text(attempt), context):
                connection.execute("BEGIN IMMEDIATE")
                load(connection, attempt)
            stamp = attempt.decide(self._clock.now())
            with self._slow.timed("commit", lambda: write_text(attempt), context):
                write(connection, attempt, stamp, writing.append)
                attempt.commit_sent = True
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            if attempt.commit_sent:
                raise OutcomeUnknown("COMMIT failed") from error
            raise by_sqlite(error, writing[-1].name if writing else None) from error
        except (TypeError, ValueError, OverflowError) as unfit:
            raise Refused(unfit) from unfit
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
