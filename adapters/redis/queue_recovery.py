"""Loading a new epoch into Redis."""

from collections.abc import Sequence
from datetime import timedelta

from adapters.redis.admission import milliseconds
from adapters.redis.errors import answered_within
from adapters.redis.keys import keys_of
from adapters.redis.store import Argument, RedisStore, script
from application.ports.queue_recovery import Begun, Remembered
from application.ports.waiting_queue import QueueEpoch
from domain.ids import ConcertId

LOAD = script("load")
OWNED_FOR = timedelta(seconds=5)
"""A loader that stands still for so long has lost its work to the next."""

_BEGUN = {0: Begun.LIVE, 1: Begun.MINE, 2: Begun.BUSY}


class RedisQueueRecovery:
    def __init__(self, store: RedisStore, owned_for: timedelta = OWNED_FOR) -> None:
        self._store = store
        self._owned_for = milliseconds(owned_for)

    async def begin(self, at: QueueEpoch, owner: str) -> Begun:
        return _BEGUN[await self._step(at.concert_id, "begin", owner, await self._store.epoch_mark(at))]

    async def load(self, concert_id: ConcertId, owner: str, buyers: Sequence[Remembered]) -> bool:
        arguments: list[Argument] = []
        for user_id, spent_place, remaining in buyers:
            arguments += [user_id.bytes, str(spent_place), "" if remaining is None else str(milliseconds(remaining))]
        return await self._step(concert_id, "load", owner, *arguments) == 1

    async def finish(self, at: QueueEpoch, owner: str, pause: timedelta) -> bool:
        return await self._step(at.concert_id, "finish", owner, await self._store.epoch_mark(at), milliseconds(pause)) == 1

    async def purge(self, concert_id: ConcertId) -> None:
        async with answered_within(self._store.deadline):
            await self._store.client.unlink(*keys_of(concert_id))

    async def _step(self, concert_id: ConcertId, step: str, owner: str, *arguments: Argument) -> int:
        return int(await self._store.run(LOAD, concert_id, step, owner, self._owned_for, *arguments))
