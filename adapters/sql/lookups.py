"""Reading by key and by page."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Row, Select, Table, tuple_

from adapters.sql.database import Reader
from application.ports.catalogue import Page

Query: TypeAlias = Select[*tuple[Any, ...]]

K = TypeVar("K", bound=tuple[Any, ...])
V = TypeVar("V")

CEILING = 500
"""No page, and no batch of keys within one statement, is larger."""


async def by_key(reader: Reader, table: Table, keys: Sequence[K], statement: Query) -> dict[K, Row[Any]]:
    """The rows of these whole primary keys. ``statement`` selects from ``table`` all that a row shall carry."""
    columns = list(table.primary_key.columns)
    wanted = tuple_(*columns)
    found: dict[K, Row[Any]] = {}
    unique = list(dict.fromkeys(keys))
    for start in range(0, len(unique), CEILING):
        chunk = unique[start : start + CEILING]
        rows = {
            tuple(getattr(row, column.name) for column in columns): row for row in await reader.rows(statement.where(wanted.in_(chunk)))
        }
        found.update({key: rows[tuple(key)] for key in chunk if tuple(key) in rows})
    return found


def page_size(first: int) -> int:
    return max(0, min(first, CEILING))


def page_of(rows: Sequence[Row[Any]], first: int, item: Callable[[Row[Any]], V]) -> Page[V]:
    """Of one row more than asked for, which tells whether the list goes on."""
    size = page_size(first)
    return Page(items=tuple(item(row) for row in rows[:size]), has_next=len(rows) > size)
