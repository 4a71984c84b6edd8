"""What the scripts answer, in the core's words."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from application.ports.queue_changes import Change, ChangeKind
from application.ports.waiting_queue import LineState, Sighting, Spot
from domain.ids import UserId

T = TypeVar("T")

_SPOTS = {
    b"W": Spot.WAITING,
    b"G": Spot.ADMITTING,
    b"A": Spot.ADMITTED,
    b"S": Spot.SPENT,
    b"N": Spot.NOWHERE,
}


class Told(NamedTuple):
    """The line, and how many changes were told in this epoch so far."""

    cursor: int
    line: LineState


def told_of(state: Sequence[int]) -> Told:
    told, opens_in, waiting, active, minute, pace = state
    return Told(
        told,
        LineState(
            waiting=waiting,
            active=active,
            opens_in=opens_in / 1000,
            admitted_last_minute=minute,
            admissions_per_second=pace / 1000 if pace >= 0 else None,
        ),
    )


def sightings_of(flat: Sequence[Any]) -> list[Sighting]:
    return [Sighting(spot=_SPOTS[spot], place=place, ahead=ahead) for spot, place, ahead in grouped(flat, 3)]


def change_of(entry: bytes) -> Change:
    return Change(ChangeKind(entry[:1].decode()), user_of(entry[1:17]), int(entry[17:]))


def user_of(member: bytes) -> UserId:
    return UserId(UUID(bytes=member))


def grouped(flat: Sequence[T], width: int) -> Iterator[tuple[T, ...]]:
    return zip(*[iter(flat)] * width, strict=True)
