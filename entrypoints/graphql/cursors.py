"""Keyset pagination: a cursor is the key of the item it stands behind, opaque to the client."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from datetime import UTC, datetime
from uuid import UUID

from entrypoints.graphql.problems import BadInput

_LONGEST = 64
_LATEST = 253_402_300_799_000_000
"""The last moment a datetime can name, in microseconds."""


def of_uuid(key: UUID) -> str:
    return _encoded(b"u" + key.bytes)


def of_sequence(key: int) -> str:
    return _encoded(b"n" + str(key).encode())


def of_moment(key: datetime) -> str:
    return _encoded(b"m" + str(int(key.timestamp() * 1_000_000)).encode())


def read_uuid(text: str | None) -> UUID | None:
    """As all of these: None for none, BadInput for what is no cursor of this kind."""
    raw = _decoded(text, b"u")
    if raw is None:
        return None
    if len(raw) != 16:
        raise BadInput("after", "is no cursor of this list")
    return UUID(bytes=raw)


def read_sequence(text: str | None) -> int | None:
    raw = _decoded(text, b"n")
    return None if raw is None else _number(raw)


def read_moment(text: str | None) -> datetime | None:
    raw = _decoded(text, b"m")
    return None if raw is None else datetime.fromtimestamp(_number(raw) / 1_000_000, tz=UTC)


def bounded(first: int | None, default: int, most: int) -> int:
    """How many items a page has. Raises BadInput."""
    wanted = default if first is None else first
    if not 1 <= wanted <= most:
        raise BadInput("first", f"should be 1 to {most}")
    return wanted


def _number(raw: bytes) -> int:
    if not raw.isdigit() or len(raw) > 18 or int(raw) > _LATEST:
        raise BadInput("after", "is no cursor of this list")
    return int(raw)


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str | None, kind: bytes) -> bytes | None:
    if not text:
        return None
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)) if len(text) <= _LONGEST else b""
    except (NotBase64, ValueError):
        raw = b""
    if raw[:1] != kind:
        raise BadInput("after", "is no cursor of this list")
    return raw[1:]
