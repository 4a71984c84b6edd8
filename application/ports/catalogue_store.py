from collections.abc import Iterable, Sequence
from typing import Protocol

from domain.concert import Concert, Performance
from domain.concert_queue import ConcertQueue
from domain.seat import Seat


class CatalogueStore(Protocol):
    async def add(self, concert: Concert, performances: Sequence[Performance], seats: Iterable[Seat], queue: ConcertQueue) -> bool:
        """A new concert with all that belongs to it, in one commit. False if a concert of this id is there already."""
        ...
