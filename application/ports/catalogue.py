from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from domain.concert import Concert, Performance
from domain.ids import ConcertId, PerformanceId, SeatId
from domain.money import Won
from domain.seat import Seat, SeatStatus

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """A piece of a list that goes on behind its last item if ``has_next``."""

    items: tuple[T, ...]
    has_next: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeAvailability:
    grade: str
    price: Won
    total: int
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatFilter:
    grade: str | None = None
    status: SeatStatus | None = None


class ConcertView(Protocol):
    """The catalogue: read often, written seldom. Batches answer in the order of their keys, None for what is not."""

    async def concerts(self, first: int, after: UUID | None) -> Page[Concert]:
        """In the order in which they were created."""
        ...

    async def concerts_by_id(self, ids: Sequence[ConcertId]) -> Sequence[Concert | None]: ...

    async def performances_by_id(self, ids: Sequence[PerformanceId]) -> Sequence[Performance | None]: ...

    async def performances_of(self, ids: Sequence[ConcertId]) -> Sequence[Sequence[Performance]]:
        """Each concert's performances by starting time, at most 100."""
        ...

    async def is_sold_out(self, concert_id: ConcertId) -> bool:
        """Every seat of every performance is SOLD; may be a second old."""
        ...


class SeatView(Protocol):
    """A hold that has run out reads AVAILABLE, whether or not it has been swept."""

    async def seats(self, performance_id: PerformanceId, which: SeatFilter, first: int, after: UUID | None, now: datetime) -> Page[Seat]:
        """In the order of the hall."""
        ...

    async def seats_by_id(self, ids: Sequence[SeatId]) -> Sequence[Seat | None]: ...

    async def grades_of(self, ids: Sequence[PerformanceId], now: datetime) -> Sequence[Sequence[GradeAvailability]]:
        """Dearest first."""
        ...

    async def changed_since(
        self, ids: Mapping[PerformanceId, datetime], limit: int
    ) -> Mapping[PerformanceId, Sequence[tuple[datetime, Seat]]]:
        """Per performance the seats written at or after that moment, oldest change first, each with its moment; at most ``limit`` each."""
        ...
