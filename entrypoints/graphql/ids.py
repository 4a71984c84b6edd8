"""The ids clients see: opaque and URL-safe. Inside: one letter for the kind, then the uuids, so that nothing has to be looked up."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import strawberry

from domain.ids import ConcertId, PaymentId, PerformanceId, ReservationId, SeatId, TicketId, TopUpId, UserId
from entrypoints.graphql.problems import BadInput

T = TypeVar("T")

_LETTERS: dict[type[Any], bytes] = {PerformanceId: b"p", SeatId: b"s", ReservationId: b"r", PaymentId: b"y", TicketId: b"t", TopUpId: b"o"}
_KINDS: dict[bytes, type[Any]] = {letter: kind for kind, letter in _LETTERS.items()}
_CONCERT = b"c"
_USER = b"u"

NodeId = PerformanceId | SeatId | ReservationId | PaymentId | TicketId | TopUpId | UUID
"""A bare UUID is a concert's."""


def concert_id(of: ConcertId) -> strawberry.ID:
    return _encoded(_CONCERT, (of,))


def user_id(of: UserId) -> strawberry.ID:
    return _encoded(_USER, (of,))


def node_id(of: PerformanceId | SeatId | ReservationId | PaymentId | TicketId | TopUpId) -> strawberry.ID:
    return _encoded(_LETTERS[type(of)], of)


def read_concert(text: str, argument: str = "id") -> ConcertId:
    """As all of these, raises BadInput."""
    letter, uuids = _decoded(text, argument)
    if letter != _CONCERT or len(uuids) != 1:
        raise BadInput(argument, "is not the id of a concert")
    return ConcertId(uuids[0])


def read_performance(text: str, argument: str = "id") -> PerformanceId:
    return _read(text, argument, PerformanceId, "performance")


def read_seat(text: str, argument: str = "id") -> SeatId:
    return _read(text, argument, SeatId, "seat")


def read_reservation(text: str, argument: str = "id") -> ReservationId:
    return _read(text, argument, ReservationId, "reservation")


def read_payment(text: str, argument: str = "id") -> PaymentId | TopUpId:
    """A payment for a reservation, or one for points."""
    read = read_node(text, argument)
    if not isinstance(read, (PaymentId, TopUpId)):
        raise BadInput(argument, "is not the id of a payment")
    return read


def read_node(text: str, argument: str = "id") -> NodeId:
    letter, uuids = _decoded(text, argument)
    if letter == _CONCERT and len(uuids) == 1:
        return uuids[0]
    if letter in _KINDS and len(uuids) == len(_KINDS[letter]._fields):
        return _made(_KINDS[letter], uuids)
    raise BadInput(argument, "is no id of this API")


def _read(text: str, argument: str, kind: Callable[..., T], name: str) -> T:
    letter, uuids = _decoded(text, argument)
    if _KINDS.get(letter) is not kind or len(uuids) != len(_KINDS[letter]._fields):
        raise BadInput(argument, f"is not the id of a {name}")
    made: T = kind(*uuids)
    return made


def _made(kind: type[Any], uuids: tuple[UUID, ...]) -> NodeId:
    made: NodeId = kind(*uuids)
    return made


def _encoded(letter: bytes, uuids: tuple[UUID, ...]) -> strawberry.ID:
    return strawberry.ID(urlsafe_b64encode(letter + b"".join(part.bytes for part in uuids)).rstrip(b"=").decode())


def _decoded(text: str, argument: str) -> tuple[bytes, tuple[UUID, ...]]:
    """One way to write an id, and only that one is read."""
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)) if len(text) <= 80 else b""
    except (NotBase64, ValueError):
        raw = b""
    if len(raw) < 17 or len(raw) % 16 != 1 or urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise BadInput(argument, "is no id of this API")
    return raw[:1], tuple(UUID(bytes=raw[at : at + 16]) for at in range(1, len(raw), 16))
