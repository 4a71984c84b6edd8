"""The statements of a group on SQLite. Its one writer holds the only lock there is, so rows are merely read."""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Column, Table
from sqlalchemy.dialects import sqlite

from adapters.sql.attempt import LOADS, Attempt
from adapters.sql.column_types import BinaryUuid, TextUuid, UtcDateTime
from adapters.sql.core_tables import CONCERTS, PERFORMANCES, RESERVATION_SEATS
from adapters.sql.mappers import MAPPER_OF, MAPPERS, Mapper, Stamp, Values, key_values
from adapters.sql.selected import Selected
from domain.ids import ReservationId, SeatId

_quote = sqlite.dialect().identifier_preparer.quote


def _moment(value: datetime) -> str:
    """As SQLAlchemy writes it: as wide for every moment, so that texts compare as moments do."""
    if value.tzinfo is None:
        raise ValueError(f"a moment without a time zone: {value}")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def parameters(values: Sequence[Any]) -> list[Any]:
    return [_PARAMETERS.get(type(value), _as_it_is)(value) for value in values]


def _as_it_is(value: Any) -> Any:
    return str(value) if isinstance(value, Enum) else value


_PARAMETERS: dict[type, Callable[[Any], Any]] = {UUID: lambda value: value.bytes, datetime: _moment}


def _reader_of(column: Column[Any]) -> Callable[[Any], Any]:
    match column.type:
        case BinaryUuid():
            return lambda raw: UUID(bytes=raw)
        case TextUuid():
            return UUID
        case UtcDateTime():
            return lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC)
        case Boolean():
            return bool
        case _:
            return _as_it_is


_SELECTED = {load.kind: Selected(load.kind, _reader_of) for load in LOADS}


def load(connection: sqlite3.Connection, attempt: Attempt) -> None:
    """Seats last, when the reservations have said which they bring along."""
    for wanted in LOADS:
        keys = dict.fromkeys(attempt.wanted(wanted))
        if wanted.kind == "seats":
            keys |= {seat_id: None for found in attempt.rows.get("reservations", {}).values() for seat_id in found.seat_ids}
        selected = _SELECTED[wanted.kind]
        sql = _select(wanted.kind)
        rows = attempt.rows.setdefault(wanted.kind, {}) if keys else {}
        for key in keys:
            values = connection.execute(sql, parameters(key_values(wanted.kind, key, attempt.shard))).fetchone()
            if values is not None:
                lists = {key.reservation: _list_of(connection, key)} if wanted.kind == "reservations" else None
                rows[key] = selected.object_of(values, lists)


def write(connection: sqlite3.Connection, attempt: Attempt, stamp: Stamp, on: Callable[[Table], None]) -> None:
    """``on`` is told whose rows are written next."""
    for mapper in MAPPERS:
        added, changed = attempt.added.get(mapper.kind, {}), attempt.changed.get(mapper.kind, {})
        on(mapper.table)
        _insert(connection, mapper.table, [mapper.row_of(thing, stamp) for thing in added.values()])
        _update(connection, mapper, [mapper.row_of(thing, stamp) for thing in changed.values()])
        for companion in mapper.companions:
            on(companion.table)
            _insert(connection, companion.table, [row for thing in added.values() for row in companion.rows_of(thing)])


def load_text(attempt: Attempt) -> str:
    """What ``load`` says, each statement once."""
    return "; ".join(["BEGIN IMMEDIATE", *(_select(wanted.kind) for wanted in LOADS if any(True for _ in attempt.wanted(wanted)))])


def write_text(attempt: Attempt) -> str:
    """What ``write`` says, each statement once, and the COMMIT."""
    inserts = [_insert_into(mapper.table, len(mapper.table.columns)) for mapper in MAPPERS if attempt.added.get(mapper.kind)]
    updates = [_update_by_key(mapper.table, mapper.changing)[0] for mapper in MAPPERS if attempt.changed.get(mapper.kind)]
    return "; ".join([*inserts, *updates, "COMMIT"])


def _list_of(connection: sqlite3.Connection, key: ReservationId) -> list[SeatId]:
    """A reservation's seats, in the order in which they were asked for."""
    return [SeatId(*key.performance_id, UUID(bytes=seat)) for (seat,) in connection.execute(_SEATS_OF_RESERVATION, parameters(key))]


def _insert(connection: sqlite3.Connection, table: Table, rows: list[Values]) -> None:
    if rows:
        connection.executemany(_insert_into(table, len(rows[0])), map(parameters, rows))


def _update(connection: sqlite3.Connection, mapper: Mapper, rows: list[Values]) -> None:
    if rows:
        sql, order = _update_by_key(mapper.table, mapper.changing)
        connection.executemany(sql, (parameters([row[place] for place in order]) for row in rows))


@lru_cache(maxsize=100)
def _select(kind: str) -> str:
    table = MAPPER_OF[kind].table
    columns = ", ".join(f"{_quote(column.table.name)}.{_quote(column.name)}" for column in _SELECTED[kind].columns)
    source = _quote(table.name)
    if table is PERFORMANCES:
        source += f" JOIN {CONCERTS.name} ON {CONCERTS.name}.concert_id = {source}.concert_id"
    key = " AND ".join(f"{_quote(table.name)}.{_quote(column.name)} = ?" for column in table.primary_key.columns)
    return f"SELECT {columns} FROM {source} WHERE {key}"


@lru_cache(maxsize=100)
def _insert_into(table: Table, width: int) -> str:
    columns = ", ".join(_quote(column.name) for column in list(table.columns)[:width])
    return f"INSERT INTO {_quote(table.name)} ({columns}) VALUES ({', '.join('?' * width)})"


@lru_cache(maxsize=100)
def _update_by_key(table: Table, changing: tuple[str, ...]) -> tuple[str, list[int]]:
    """And the places of its parameters in a row."""
    names = [column.name for column in table.columns]
    key = [column.name for column in table.primary_key.columns]
    settings, condition = (separator.join(f"{_quote(name)} = ?" for name in some) for separator, some in ((", ", changing), (" AND ", key)))
    return f"UPDATE {_quote(table.name)} SET {settings} WHERE {condition}", [names.index(name) for name in (*changing, *key)]


_SEATS_OF_RESERVATION = (
    f"SELECT seat_id FROM {RESERVATION_SEATS.name} WHERE concert_id = ? AND performance_id = ? AND reservation_id = ? ORDER BY position"
)
