"""Putting a concert into the catalogue."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError

from adapters.sql.core_tables import CONCERT_QUEUES, CONCERTS, PERFORMANCES, SEATS
from adapters.sql.database import Database
from application.ports.clock import Clock
from domain.concert import Concert, Performance
from domain.concert_queue import ConcertQueue
from domain.seat import Seat

SEATS_A_STATEMENT = 1_000
DEADLINE_SECONDS = 60.0
"""A hall of 100,000 seats takes a few."""


class SqlCatalogueStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(self, concert: Concert, performances: Sequence[Performance], seats: Iterable[Seat], queue: ConcertQueue) -> bool:
        """The concert's row goes first: of two at once the second waits there, and then finds it."""
        now = self._clock.now()

        def change(connection: Connection) -> bool:
            try:
                connection.execute(insert(CONCERTS), _concert_row(concert))
            except IntegrityError:
                return False
            connection.execute(insert(CONCERT_QUEUES), _queue_row(queue))
            connection.execute(insert(PERFORMANCES), [_performance_row(performance) for performance in performances])
            rows = ({**_seat_row(seat), "changed_at": now} for seat in seats)
            for batch in _batches(rows, SEATS_A_STATEMENT):
                connection.execute(insert(SEATS), batch)
            return True

        return await self._database.write(change, deadline_seconds=DEADLINE_SECONDS)


def _batches(rows: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, size)):
        yield batch


def _concert_row(concert: Concert) -> dict[str, Any]:
    return {
        "concert_id": concert.id,
        "title": concert.title,
        "artist": concert.artist,
        "queue_opens_at": concert.queue_opens_at,
        "sales_open_at": concert.sales_open_at,
        "sales_close_at": concert.sales_close_at,
        "purchase_limit": concert.purchase_limit,
    }


def _queue_row(queue: ConcertQueue) -> dict[str, Any]:
    return {
        "concert_id": queue.concert_id,
        "epoch": queue.epoch,
        "status": queue.status,
        "capacity": queue.capacity,
        "rate": queue.rate,
    }


def _performance_row(performance: Performance) -> dict[str, Any]:
    return {
        "concert_id": performance.id.concert_id,
        "performance_id": performance.id.performance,
        "venue": performance.venue,
        "starts_at": performance.starts_at,
        "status": performance.status,
    }


def _seat_row(seat: Seat) -> dict[str, Any]:
    return {
        "concert_id": seat.id.concert_id,
        "performance_id": seat.id.performance,
        "seat_id": seat.id.seat,
        "section": seat.section,
        "row": seat.row,
        "number": seat.number,
        "grade": seat.grade,
        "price": seat.price,
        "status": seat.status,
        "reservation_id": seat.reservation_id and seat.reservation_id.reservation,
        "held_until": seat.held_until,
    }
