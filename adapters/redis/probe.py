from adapters.redis.errors import answered_within
from adapters.redis.store import RedisStore
from domain.errors import QueueUnavailable


class RedisProbe:
    """Whether the queue's store answers a ping."""

    server = "redis"

    def __init__(self, store: RedisStore) -> None:
        self._store = store

    async def answers(self) -> bool:
        try:
            async with answered_within(self._store.deadline):
                return bool(await self._store.client.ping())
        except QueueUnavailable:
            return False
