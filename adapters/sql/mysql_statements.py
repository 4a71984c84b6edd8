"""The statements of a group on MySQL: one packet to lock and load its rows, one to write and commit them."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Column, Table
from sqlalchemy.dialects import mysql

from adapters.sql.attempt import LOADS, SHARED, Attempt, Load
from adapters.sql.core_tables import CONCERTS, PERFORMANCES, RESERVATION_SEATS, SEATS
from adapters.sql.mappers import MAPPER_OF, MAPPERS, Stamp, Values, key_values
from adapters.sql.mysql_values import reader_of, row_literal, uuid_of
from adapters.sql.mysql_wire import RawRow
from adapters.sql.selected import Selected
from domain.ids import SeatId

BEGIN = "START TRANSACTION"
COMMIT = "COMMIT"

_EVERYTHING = 2**64 - 1
_quote = mysql.dialect().identifier_preparer.quote
_SELECTED = {load.kind: Selected(load.kind, reader_of) for load in LOADS}


class Statement(NamedTuple):
    """``load``: what it loads, if it does. ``listed``: before a seat stand the reservation that brought it and its position."""

    sql: str
    table: str | None = None
    load: Load | None = None
    listed: bool = False


def load_statements(attempt: Attempt) -> list[Statement]:
    """In the order in which kinds are locked; within a kind by the primary key, each row once."""
    statements = [Statement(BEGIN)]
    keys: dict[str, list[str]] = {}
    for load in LOADS:
        found = sorted({row_literal(key_values(load.kind, key, attempt.shard)) for key in attempt.wanted(load)})
        if load.shared:
            found = [key for key in found if key not in keys[SHARED[load.kind]]]
        keys[load.field] = found
        table = MAPPER_OF[load.kind].table.name
        if load.kind == "seats" and keys["reservations"]:
            statements.append(Statement(_listed_seats(keys["reservations"], found), table, load, listed=True))
        elif found:
            before, behind = _SELECTS[load]
            statements.append(Statement(f"{before}{','.join(found)}{behind}", table, load))
    return statements


def take_rows(attempt: Attempt, statements: Sequence[Statement], results: Sequence[Sequence[RawRow]]) -> None:
    """Makes objects of what was selected: seats before the reservations that list them."""
    seats_of: dict[UUID, list[SeatId]] = {}
    for statement, rows in reversed(list(zip(statements, results, strict=True))):
        if statement.load is None:
            continue
        kind = statement.load.kind
        selected = _SELECTED[kind]
        if statement.listed:
            seats_of = _lists(rows)
            objects = [selected.object_of(row[2:]) for row in rows]
        elif kind == "reservations":
            objects = [selected.object_of(row, seats_of) for row in rows]
        else:
            objects = [selected.object_of(row) for row in rows]
        key_of = selected.mapper.key_of
        attempt.rows.setdefault(kind, {}).update((key_of(thing), thing) for thing in objects)


def write_statements(attempt: Attempt, stamp: Stamp) -> list[Statement]:
    """All that was added and changed, and the COMMIT; nothing if there is nothing."""
    statements = []
    for mapper in MAPPERS:
        table = mapper.table
        if added := attempt.added.get(mapper.kind):
            statements.append(_insert(table, [mapper.row_of(thing, stamp) for thing in added.values()]))
            for companion in mapper.companions:
                statements.append(_insert(companion.table, [row for thing in added.values() for row in companion.rows_of(thing)]))
        if changed := attempt.changed.get(mapper.kind):
            rows = [mapper.row_of(thing, stamp) for thing in changed.values()]
            statements.append(_insert(table, rows, _on_duplicate(table, mapper.changing)))
    if statements:
        statements.append(Statement(COMMIT))
    return statements


def packet(statements: Iterable[Statement]) -> bytes:
    return ";".join([statement.sql for statement in statements]).encode()


def _insert(table: Table, rows: list[Values], on_duplicate: str = "") -> Statement:
    """New rows plainly, so that unique constraints speak, and by rising keys, so that two packets do not wait for each other."""
    values = ",".join(sorted([row_literal(row) for row in rows]))
    return Statement(f"{_insert_into(table, len(rows[0]))}{values}{on_duplicate}", table.name)


@lru_cache(maxsize=100)
def _insert_into(table: Table, width: int) -> str:
    return f"INSERT INTO {_quote(table.name)} ({', '.join(_quote(column.name) for column in list(table.columns)[:width])}) VALUES "


@lru_cache(maxsize=100)
def _on_duplicate(table: Table, changing: tuple[str, ...]) -> str:
    """Only for rows that were loaded under their locks: others could be overwritten through a secondary key."""
    return " AS new ON DUPLICATE KEY UPDATE " + ", ".join(f"{_quote(name)} = new.{_quote(name)}" for name in changing)


def _names(columns: Iterable[Column[Any]]) -> str:
    return ", ".join(f"{_quote(column.table.name)}.{_quote(column.name)}" for column in columns)


def _select(load: Load) -> tuple[str, str]:
    """What stands before and behind the keys. Rows are found, and so locked, in the order of the primary key."""
    table = MAPPER_OF[load.kind].table
    name, key = _quote(table.name), _names(table.primary_key.columns)
    source, lock = f"{name} FORCE INDEX (PRIMARY)", "FOR SHARE" if load.shared else "FOR UPDATE"
    if table is PERFORMANCES:
        concerts = _quote(CONCERTS.name)
        source += f" STRAIGHT_JOIN {concerts} FORCE INDEX (PRIMARY) ON {concerts}.concert_id = {name}.concert_id"
        lock = lock if load.shared else f"FOR UPDATE OF {name} FOR SHARE OF {concerts}"
    return f"SELECT {_names(_SELECTED[load.kind].columns)} FROM {source} WHERE ({key}) IN (", f") ORDER BY {key} {lock}"


_SELECTS = {load: _select(load) for load in LOADS}

_SEAT_KEY = [column.name for column in SEATS.primary_key.columns]
_LISTED_COLUMNS = f"listed.reservation_id, listed.position, {_names(SEATS.columns)}"
_SEATS_BY_KEY = f"STRAIGHT_JOIN seats FORCE INDEX (PRIMARY) ON {' AND '.join(f'seats.{name} = listed.{name}' for name in _SEAT_KEY)}"
_OF_RESERVATIONS = "WHERE (concert_id, performance_id, reservation_id) IN ("
_SEATS_OF_ONE = (
    f"SELECT {_LISTED_COLUMNS} FROM {RESERVATION_SEATS.name} AS listed FORCE INDEX (PRIMARY) {_SEATS_BY_KEY} "
    f"{_OF_RESERVATIONS.replace('(', '(listed.', 1).replace(', ', ', listed.')}",
    ") FOR UPDATE OF seats",
)
_SEATS_OF_MANY = (
    f"SELECT {_LISTED_COLUMNS} FROM (SELECT {', '.join(_SEAT_KEY)}, reservation_id, position "
    f"FROM {RESERVATION_SEATS.name} FORCE INDEX (PRIMARY) {_OF_RESERVATIONS}",
    f" ORDER BY {', '.join(_SEAT_KEY)} LIMIT {_EVERYTHING}) AS listed {_SEATS_BY_KEY} FOR UPDATE OF seats",
)


def _listed_seats(reservations: list[str], seats: list[str]) -> str:
    """All seats of a group, brought along or named, by one statement in the order of their key: two ways to them deadlock."""
    if len(reservations) == 1 and not seats:  # the list itself is in that order
        return reservations[0].join(_SEATS_OF_ONE)
    named = f" UNION ALL VALUES {','.join([f'ROW{seat[:-1]},NULL,NULL)' for seat in seats])}" if seats else ""
    before, behind = _SEATS_OF_MANY
    return f"{before}{','.join(reservations)}){named}{behind}"


def _lists(rows: Sequence[RawRow]) -> dict[UUID, list[SeatId]]:
    """Each reservation's seats, in the order in which they were asked for."""
    lists: dict[UUID, list[tuple[int, SeatId]]] = {}
    for reservation, position, concert, performance, seat, *_ in rows:
        if reservation is not None and position is not None:
            seat_id = SeatId(*map(uuid_of, (concert, performance, seat)))  # type: ignore[arg-type]
            lists.setdefault(uuid_of(reservation), []).append((int(position), seat_id))
    return {reservation: [seat_id for _, seat_id in sorted(listed)] for reservation, listed in lists.items()}
