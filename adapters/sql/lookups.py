"""Reading by key and by page."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import ColumnElement, Row, Select, Table, and_, false, or_

from adapters.sql.database import Reader
from application.ports.catalogue import Page

Query: TypeAlias = Select[*tuple[Any, ...]]

K = TypeVar("K", bound=tuple[Any, ...])
V = TypeVar("V")

CEILING = 500
"""No page, and no batch of keys within one statement, is larger."""


def any_of(columns: Sequence[ColumnElement[Any]], keys: Iterable[tuple[Any, ...]]) -> ColumnElement[bool]:
    """The rows of these keys, found by index on both databases: SQLite scans for ``(a, b) IN (VALUES …)``."""
    lasts: dict[tuple[Any, ...], list[Any]] = {}
    for *leading, last in keys:
        lasts.setdefault(tuple(leading), []).append(last)
    *front, back = columns
    return or_(
        false(),
        *(
            and_(*(column == value for column, value in zip(front, leading, strict=True)), back.in_(group))
            for leading, group in lasts.items()
        ),
    )


async def by_key(reader: Reader, table: Table, keys: Sequence[K], statement: Query) -> dict[K, Row[Any]]:
    """The rows of these whole primary keys. ``statement`` selects from ``table`` all that a row shall carry."""
    columns = list(table.primary_key.columns)
    found: dict[K, Row[Any]] = {}
    unique = list(dict.fromkeys(keys))
    for start in range(0, len(unique), CEILING):
        chunk = unique[start : start + CEILING]
        rows = await reader.rows(statement.where(any_of(columns, chunk)))
        of_key = {tuple(getattr(row, column.name) for column in columns): row for row in rows}
        found.update({key: of_key[tuple(key)] for key in chunk if tuple(key) in of_key})
    return found


def page_size(first: int) -> int:
    return max(0, min(first, CEILING))


def page_of(rows: Sequence[Row[Any]], first: int, item: Callable[[Row[Any]], V]) -> Page[V]:
    """Of one row more than asked for, which tells whether the list goes on."""
    size = page_size(first)
    return Page(items=tuple(item(row) for row in rows[:size]), has_next=len(rows) > size)
