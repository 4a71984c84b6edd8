"""The line in Redis."""

from collections.abc import Sequence
from typing import NamedTuple

from adapters.redis.coalescer import Coalescer
from adapters.redis.replies import sightings_of, told_of
from adapters.redis.store import Argument, RedisStore, script
from application.ports.waiting_queue import LineState, QueueEpoch, Sighting
from domain.ids import UserId
from domain.queue_token import place_of

STAND = script("line", "stand")
LEAVE = script("line", "leave")
BATCH = 256
MOST_WAITING = 20_000


class Stand(NamedTuple):
    user_id: UserId
    shown_place: int | None
    number_anew: bool

    def arguments(self) -> tuple[Argument, ...]:
        return self.user_id.bytes, "" if self.shown_place is None else str(self.shown_place), "1" if self.number_anew else ""


class RedisWaitingQueue:
    """All who join or ask at the same moment share one call."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._stands = Coalescer[QueueEpoch, Stand, tuple[Sighting, LineState]](self._stand, batch=BATCH, most_waiting=MOST_WAITING)

    async def join(self, at: QueueEpoch, user_id: UserId, shown_place: int | None) -> tuple[Sighting, LineState]:
        return await self._stands.ask(at, Stand(user_id, shown_place, number_anew=True))

    async def show(self, at: QueueEpoch, user_id: UserId, place: int) -> tuple[Sighting, LineState]:
        return await self._stands.ask(at, Stand(user_id, place, number_anew=False))

    async def leave(self, at: QueueEpoch, user_id: UserId, place: int) -> None:
        await self._store.run_in(at, LEAVE, user_id.bytes, str(place))

    async def state(self, at: QueueEpoch) -> LineState:
        line, *_ = await self._store.run_in(at, STAND, str(place_of(at.epoch, 0)), "")
        return told_of(line).line

    async def _stand(self, at: QueueEpoch, stands: Sequence[Stand]) -> list[tuple[Sighting, LineState]]:
        arguments = (argument for stand in stands for argument in stand.arguments())
        told, sightings, *_ = await self._store.run_in(at, STAND, str(place_of(at.epoch, 0)), "", *arguments)
        line = told_of(told).line
        return [(sighting, line) for sighting in sightings_of(sightings)]
