"""What is selected of each kind, and how a selected row becomes an object."""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Column

from adapters.sql.core_tables import CONCERTS
from adapters.sql.mappers import MAPPER_OF
from domain.ids import SeatId

_JOINED = {"performances": [CONCERTS.c[name] for name in ("title", "sales_open_at", "sales_close_at", "purchase_limit")]}
"""Columns of other tables that make a kind whole."""


class Selected:
    """The columns selected for a kind, in order; ``object_of`` takes the values as a driver gives them."""

    def __init__(self, kind: str, reader_of: Callable[[Column[Any]], Callable[[Any], Any]]) -> None:
        self.mapper = MAPPER_OF[kind]
        self.columns: list[Column[Any]] = [*self.mapper.table.columns, *_JOINED.get(kind, ())]
        self._readers = [reader_of(column) for column in self.columns]
        self._named: Any = namedtuple(kind, [column.name for column in self.columns])  # type: ignore[misc]

    def object_of(self, values: Sequence[Any], seats_of: Mapping[UUID, Sequence[SeatId]] | None = None) -> Any:
        """``seats_of``: the lists of seats by reservation, for reservations only."""
        assert self.mapper.object_of is not None
        row = self._named._make([None if value is None else read(value) for read, value in zip(self._readers, values, strict=True)])
        if seats_of is None:
            return self.mapper.object_of(row)
        return self.mapper.object_of(row, seats_of.get(row.reservation_id, ()))
