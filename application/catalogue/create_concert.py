"""Putting a concert on sale."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from application.ports.catalogue_store import CatalogueStore
from application.ports.id_generator import IdGenerator
from domain.concert import Concert, Performance, PerformanceStatus, Place, Venue
from domain.concert_queue import ConcertQueue
from domain.ids import ConcertId, PerformanceId, SeatId
from domain.seat import Seat

MAXIMUM_SEATS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformancePlan:
    venue: Venue
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateConcertCommand:
    """``capacity`` passes at once, ``rate`` admissions a second. ``concert_id`` is given where a repeat must find the first."""

    title: str
    artist: str
    queue_opens_at: datetime
    sales_open_at: datetime
    sales_close_at: datetime
    performances: tuple[PerformancePlan, ...]
    purchase_limit: int = 4
    capacity: int = 500
    rate: int = 50
    concert_id: ConcertId | None = None


class CreateConcert:
    def __init__(self, catalogue: CatalogueStore, ids: IdGenerator) -> None:
        self._catalogue = catalogue
        self._ids = ids

    async def __call__(self, command: CreateConcertCommand) -> ConcertId:
        """The concert, its performances, all of their seats and its queue, at once or not at all."""
        concert = Concert(
            id=command.concert_id or ConcertId(self._ids.new_id()),
            title=command.title,
            artist=command.artist,
            queue_opens_at=command.queue_opens_at,
            sales_open_at=command.sales_open_at,
            sales_close_at=command.sales_close_at,
            purchase_limit=command.purchase_limit,
        )
        performances = [self._performance(concert, plan, self._ids.new_id()) for plan in command.performances]
        seats = [
            self._seat(performance.id, place)
            for performance, plan in zip(performances, command.performances, strict=True)
            for place in plan.venue.places()
        ]
        queue = ConcertQueue(concert_id=concert.id, capacity=command.capacity, rate=command.rate)
        await self._catalogue.add(concert, performances, seats, queue)
        return concert.id

    def _performance(self, concert: Concert, plan: PerformancePlan, performance: UUID) -> Performance:
        return Performance(
            id=PerformanceId(concert.id, performance),
            venue=plan.venue.name,
            starts_at=plan.starts_at,
            status=PerformanceStatus.ON_SALE,
            title=concert.title,
            sales_open_at=concert.sales_open_at,
            sales_close_at=concert.sales_close_at,
            purchase_limit=concert.purchase_limit,
        )

    def _seat(self, performance_id: PerformanceId, place: Place) -> Seat:
        """Ids rise in the order of the hall, so that a seat map reads like it."""
        return Seat(
            id=SeatId(*performance_id, self._ids.new_id()),
            section=place.section,
            row=place.row,
            number=place.number,
            grade=place.grade,
            price=place.price,
        )
