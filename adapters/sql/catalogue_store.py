"""Putting a concert into the catalogue."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError

from adapters.sql.core_tables import CONCERT_QUEUES, CONCERTS, PERFORMANCES, SEATS
from adapters.sql.database import Database
from adapters.sql.mappers import MAPPER_OF, Stamp
from application.ports.clock import Clock
from domain.concert import Concert, Performance
from domain.concert_queue import ConcertQueue
from domain.seat import Seat

SEATS_A_STATEMENT = 1_000
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""When new seats were written last, as far as those know who watch for changes: a new hall is no news."""
DEADLINE_SECONDS = 60.0
"""A hall of 100,000 seats takes a few."""


class SqlCatalogueStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(self, concert: Concert, performances: Sequence[Performance], seats: Iterable[Seat], queue: ConcertQueue) -> bool:
        """The concert's row goes first: of two at once the second waits there, and then finds it."""
        stamp = Stamp(shard=concert.id, now=self._clock.now())
        unchanged = Stamp(shard=concert.id, now=LONG_AGO)

        def change(connection: Connection) -> bool:
            try:
                connection.execute(insert(CONCERTS), _concert_row(concert))
            except IntegrityError:
                return False
            connection.execute(insert(CONCERT_QUEUES), _row("queues", queue, stamp))
            connection.execute(insert(PERFORMANCES), [_row("performances", performance, stamp) for performance in performances])
            for batch in _batches((_row("seats", seat, unchanged) for seat in seats), SEATS_A_STATEMENT):
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


def _row(kind: str, thing: Any, stamp: Stamp) -> dict[str, Any]:
    mapper = MAPPER_OF[kind]
    return dict(zip(mapper.table.columns.keys(), mapper.row_of(thing, stamp), strict=True))
