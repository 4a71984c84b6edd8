from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple, Protocol

from application.ports.waiting_queue import LineState, QueueEpoch
from domain.ids import UserId


class Taken(NamedTuple):
    """Somebody who was taken from the head of the line, and holds a slot already."""

    user_id: UserId
    place: int


class Slot(NamedTuple):
    """Somebody's slot as it was read; ``mark`` is another as soon as the slot's deadline is."""

    user_id: UserId
    mark: int


class Kept(NamedTuple):
    """A slot whose pass lives on, for so long."""

    slot: Slot
    remaining: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What became, in the database, of those a tick before had named."""

    granted: tuple[Taken, ...] = ()
    refused: tuple[Taken, ...] = ()
    freed: tuple[Slot, ...] = ()
    kept: tuple[Kept, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Levers:
    """``rate`` admissions a second, as long as ``capacity`` slots are not full; none at all unless ``admitting``."""

    capacity: int
    rate: int
    admitting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """``taken``: whose rows are to be granted, those of an interrupted tick included. ``suspects``: whose pass may be over.

    ``swept``: how many slots the sweep looked at; fewer than asked for at the end of the list.
    """

    taken: tuple[Taken, ...] = ()
    suspects: tuple[Slot, ...] = ()
    swept: int = 0
    line: LineState


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionTick:
    """``sweep_from``: look also at so many slots, beginning with the n-th by deadline; None: only at those that ran out or were named."""

    at: QueueEpoch
    levers: Levers
    settlement: Settlement = Settlement()
    sweep_from: int | None = None
    most_suspects: int = 200


class Admission(Protocol):
    async def tick(self, tick: AdmissionTick) -> Ticked:
        """Settle, then take ``min(rate, capacity - active)`` from the head of the line, at once or not at all.

        A slot is freed or kept only if its mark is still the one that was read. Raises QueueUnavailable or EpochLost.
        """
        ...
