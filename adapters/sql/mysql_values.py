"""Values as MySQL's SQL writes them and as its answers carry them.

Everything goes as a number or in hexadecimal, text too: there is nothing to escape, in whatever mode the server runs, and
it costs a third of escaping.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Column, Integer, String

from adapters.sql.column_types import BinaryUuid, Bytes, TextUuid, UtcDateTime


@lru_cache(maxsize=1024)
def _moment(value: datetime) -> str:
    """Most moments of a packet are one and the same."""
    if value.tzinfo is not UTC:
        if value.tzinfo is None:
            raise ValueError(f"a moment without a time zone: {value}")
        value = value.astimezone(UTC)
    return f"'{value.isoformat(' ', 'microseconds')[:26]}'"


def _text(value: str) -> str:
    return f"_utf8mb4 X'{value.encode().hex()}'"


class _Literals(dict[type, Callable[[Any], str]]):
    """A function per type; words of an enumeration are written as the text they are."""

    def __missing__(self, unknown: type) -> Callable[[Any], str]:
        if not (issubclass(unknown, str) and issubclass(unknown, Enum)):
            raise TypeError(f"no value for the database: {unknown}")
        self[unknown] = _text
        return _text


_LITERALS = _Literals(
    {
        UUID: lambda value: f"0x{value.int:032x}",
        int: str,
        bool: lambda value: "1" if value else "0",
        str: _text,
        bytes: lambda value: f"X'{value.hex()}'",
        datetime: _moment,
        type(None): lambda value: "NULL",
    }
)


def row_literal(values: Iterable[Any]) -> str:
    """``(…,…)``. Raises TypeError or ValueError for what no column can hold."""
    return f"({','.join([_LITERALS[type(value)](value) for value in values])})"


@lru_cache(maxsize=16_384)
def uuid_of(raw: bytes) -> UUID:
    return UUID(bytes=raw)


def _moment_of(raw: bytes) -> datetime:
    return datetime.fromisoformat(raw.decode() + "+00:00")


def reader_of(column: Column[Any]) -> Callable[[bytes], Any]:
    """Turns what the server sent for this column into the value it stands for."""
    match column.type:
        case BinaryUuid():
            return uuid_of
        case TextUuid():
            return lambda raw: UUID(raw.decode())
        case UtcDateTime():
            return _moment_of
        case Boolean():
            return lambda raw: raw != b"0"
        case Integer():
            return int
        case Bytes():
            return bytes
        case String():
            return bytes.decode
        case other:
            raise TypeError(f"no reader for {other}")
