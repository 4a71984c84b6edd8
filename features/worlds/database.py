"""The database of a service, behind its back: to let time pass in it, to lock it, and to count what lies there."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from tests.chaos.time_passes import CLAIMS, HOLDS
from tests.servers.databases import connect

PATIENCE = 20.0


class Database:
    """Plain SQL on a connection of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._is_file = url.startswith("sqlite:")

    @property
    def is_file(self) -> bool:
        return self._is_file

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """A cursor; each statement commits by itself."""
        if self._is_file:
            path = self._url.removeprefix("sqlite:///")
            with (
                closing(sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)) as connection,
                closing(connection.cursor()) as cursor,
            ):
                yield cursor
        else:
            with closing(connect(self._url)) as mysql, mysql.cursor() as cursor:
                yield cursor

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self.connected() as cursor:
            cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()]

    def do(self, statement: str) -> None:
        with self.connected() as cursor:
            cursor.execute(statement)

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        places = ", ".join(["?" if self._is_file else "%s"] * len(columns))
        with self.connected() as cursor:
            if self._is_file:
                cursor.execute("BEGIN IMMEDIATE")
            cursor.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)
            if self._is_file:
                cursor.execute("COMMIT")

    def pass_time(self, seconds: int, *, for_holds: bool = False) -> None:
        """For leases and waits; for holds and passes too, if asked."""
        for table, columns in (CLAIMS | HOLDS if for_holds else CLAIMS).items():
            for column in columns:
                self.do(f"UPDATE {table} SET {column} = {self.earlier(column, seconds)} WHERE {column} IS NOT NULL")

    def earlier(self, column: str, seconds: int) -> str:
        """The SQL of a moment so long before the one in that column."""
        if self._is_file:
            return f"strftime('%Y-%m-%d %H:%M:%f', {column}, '-{seconds} seconds') || '000'"
        return f"{column} - INTERVAL {seconds} SECOND"

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Nobody else writes to the table meanwhile: its rows on a server, the whole of a file."""
        with self.connected() as cursor:
            cursor.execute("BEGIN IMMEDIATE" if self._is_file else "BEGIN")
            cursor.execute(f"SELECT * FROM {table}{'' if self._is_file else ' FOR UPDATE'}")
            cursor.fetchall()
            yield
            cursor.execute("ROLLBACK")
