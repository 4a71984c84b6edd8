"""The change log in Redis."""

from collections.abc import Sequence

from adapters.redis.replies import change_of, sightings_of, told_of
from adapters.redis.store import RedisStore
from adapters.redis.waiting_queue import BATCH, STAND, Stand
from application.ports.queue_changes import Followed
from application.ports.waiting_queue import QueueEpoch
from domain.ids import UserId
from domain.queue_token import place_of


class RedisQueueChanges:
    def __init__(self, store: RedisStore) -> None:
        self._store = store

    async def follow(self, at: QueueEpoch, cursor: int | None, shown: Sequence[tuple[UserId, int]]) -> Followed:
        if len(shown) > BATCH:
            raise ValueError(f"at most {BATCH} places are shown at once, not {len(shown)}")
        arguments = (argument for user_id, place in shown for argument in Stand(user_id, place, number_anew=False).arguments())
        since = "" if cursor is None else str(cursor)
        state, sightings, reaches_back, changes = await self._store.run_in(at, STAND, str(place_of(at.epoch, 0)), since, *arguments)
        told = told_of(state)
        return Followed(
            cursor=told.cursor,
            changes=[change_of(entry) for entry in changes] if reaches_back else None,
            sightings=sightings_of(sightings),
            line=told.line,
        )
