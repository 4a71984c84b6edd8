"""One look for all that a level of the answer needs. Nothing is remembered: a second level reads what is true by then."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from strawberry.dataloader import DataLoader

from application.ports.bookings import BookingView, PersonView
from application.ports.catalogue import ConcertView, GradeAvailability, SeatView
from application.ports.clock import Clock
from application.ports.top_ups import TopUpView
from domain.concert import Concert, Performance
from domain.ids import ConcertId, PaymentId, PerformanceId, ReservationId, SeatId, TicketId
from domain.payment import Payment
from domain.reservation import Reservation
from domain.seat import Seat
from domain.ticket import Ticket

K = TypeVar("K")
V = TypeVar("V")

LARGEST_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    concerts: ConcertView
    seats: SeatView
    bookings: BookingView
    people: PersonView
    top_ups: TopUpView


class Loaders:
    def __init__(self, views: Views, clock: Clock) -> None:
        async def grades(ids: Sequence[PerformanceId]) -> Sequence[Sequence[GradeAvailability]]:
            return await views.seats.grades_of(ids, clock.now())

        self.concerts: DataLoader[ConcertId, Concert | None] = _loader(views.concerts.concerts_by_id)
        self.performances: DataLoader[PerformanceId, Performance | None] = _loader(views.concerts.performances_by_id)
        self.performances_of: DataLoader[ConcertId, Sequence[Performance]] = _loader(views.concerts.performances_of)
        self.grades_of: DataLoader[PerformanceId, Sequence[GradeAvailability]] = _loader(grades)
        self.seats: DataLoader[SeatId, Seat | None] = _loader(views.seats.seats_by_id)
        self.reservations: DataLoader[ReservationId, Reservation | None] = _loader(views.bookings.reservations_by_id)
        self.payments: DataLoader[PaymentId, Payment | None] = _loader(views.bookings.payments_by_id)
        self.tickets: DataLoader[TicketId, Ticket | None] = _loader(views.bookings.tickets_by_id)
        self.tickets_of: DataLoader[ReservationId, Sequence[Ticket]] = _loader(views.bookings.tickets_of)


def _loader(look: Callable[[Sequence[K]], Awaitable[Sequence[V]]]) -> DataLoader[K, V]:
    """Asks for each key once, however many ask for it."""

    async def load(keys: list[K]) -> list[V]:
        asked = list(dict.fromkeys(keys))
        found = dict(zip(asked, await look(asked), strict=True))
        return [found[key] for key in keys]

    return DataLoader(load_fn=load, cache=False, max_batch_size=LARGEST_BATCH)
