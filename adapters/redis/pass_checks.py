"""The check list of the next admission tick, in Redis: whoever ends a pass and whoever frees its slot may be two processes."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from adapters.redis.errors import answered_within
from adapters.redis.keys import CHECKS, keys_of
from adapters.redis.store import RedisStore
from application.ports.metrics import Metrics
from domain.errors import QueueUnavailable
from domain.ids import BuyerId, ConcertId, UserId

MOST_PENDING = 10_000
KEPT_FOR = timedelta(hours=1)


class RedisPassChecks:
    """What cannot be written is dropped and counted: the sweep of all slots finds those passes a moment later.

    ``written`` is called when somebody was put on the list, so that a tick in this process need not wait for its time.
    """

    def __init__(self, store: RedisStore, metrics: Metrics, written: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._metrics = metrics
        self._written = written
        self._pending: dict[ConcertId, set[UserId]] = {}
        self._writing: asyncio.Task[None] | None = None

    async def put(self, buyer_id: BuyerId) -> None:
        users = self._pending.setdefault(buyer_id.concert_id, set())
        if len(users) >= MOST_PENDING:
            self._metrics.count("concert_pass_checks_dropped_total")
            return
        users.add(buyer_id.user_id)
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write())
            self._writing.add_done_callback(self._done)

    async def _write(self) -> None:
        while self._pending:
            concert_id, users = self._pending.popitem()
            try:
                await self._add(concert_id, users)
            except QueueUnavailable:
                self._metrics.count("concert_pass_checks_dropped_total", len(users))
            else:
                self._written()

    async def _add(self, concert_id: ConcertId, users: set[UserId]) -> None:
        key = keys_of(concert_id)[CHECKS]
        async with answered_within(self._store.deadline), self._store.client.pipeline(transaction=False) as pipeline:
            pipeline.sadd(key, *(user_id.bytes for user_id in users))
            pipeline.expire(key, KEPT_FOR)
            await pipeline.execute()

    def _done(self, _: asyncio.Task[None]) -> None:
        self._writing = None
