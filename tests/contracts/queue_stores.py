"""The queue's store, in the process and on a real server, with the words the tests use for it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from adapters.embedded.redis import embedded_redis, process_marker
from adapters.redis.admission import RedisAdmission
from adapters.redis.client import connect
from adapters.redis.keys import keys_of
from adapters.redis.queue_changes import RedisQueueChanges
from adapters.redis.queue_recovery import RedisQueueRecovery
from adapters.redis.store import RedisStore
from adapters.redis.waiting_queue import RedisWaitingQueue
from application.ports.admission import AdmissionTick, Levers, Settlement, Taken, Ticked
from application.ports.queue_recovery import Begun, Remembered
from application.ports.waiting_queue import QueueEpoch, Sighting, Spot
from domain.ids import ConcertId, UserId
from domain.queue_token import place_of


class Line:
    """One concert's queue in a store, in the epoch it was opened in."""

    def __init__(self, store: RedisStore) -> None:
        self.store = store
        self.waiting = RedisWaitingQueue(store)
        self.changes = RedisQueueChanges(store)
        self.admission = RedisAdmission(store)
        self.recovery = RedisQueueRecovery(store)
        self.concert_id = ConcertId(uuid4())
        self.at = QueueEpoch(self.concert_id, 0)

    async def open(self, epoch: int, buyers: Sequence[Remembered] = (), pause: timedelta = timedelta()) -> None:
        """As after a loss: the key ``epoch`` is gone, the rest may be there."""
        before, self.at = self.at, QueueEpoch(self.concert_id, epoch)
        await self.store.client.delete(keys_of(self.concert_id)[0])
        assert await self.recovery.begin(before, "tester") is Begun.MINE
        assert await self.recovery.load(self.concert_id, "tester", buyers)
        assert await self.recovery.finish(self.at, "tester", pause)

    async def join(self, user_id: UserId, shown_place: int | None = None) -> Sighting:
        sighting, _ = await self.waiting.join(self.at, user_id, shown_place)
        return sighting

    async def show(self, user_id: UserId, place: int) -> Sighting:
        sighting, _ = await self.waiting.show(self.at, user_id, place)
        return sighting

    async def tick(
        self,
        *,
        capacity: int = 1000,
        rate: int = 1000,
        admitting: bool = True,
        settlement: Settlement = Settlement(),  # noqa: B008  # frozen
        sweep_from: int | None = None,
    ) -> Ticked:
        levers = Levers(capacity=capacity, rate=rate, admitting=admitting)
        return await self.admission.tick(AdmissionTick(at=self.at, levers=levers, settlement=settlement, sweep_from=sweep_from))

    async def admit_all(self, *, capacity: int = 1000, rate: int = 1000) -> tuple[Taken, ...]:
        """A tick and its grants."""
        taken = (await self.tick(capacity=capacity, rate=rate)).taken
        await self.tick(capacity=capacity, rate=rate, admitting=False, settlement=Settlement(granted=taken))
        return taken

    async def ranking(self) -> list[UserId]:
        """The line as the store keeps it."""
        members: Any = await self.store.client.zrange(keys_of(self.concert_id)[1], 0, -1)
        return [UserId(UUID(bytes=member)) for member in members]

    def place(self, order: int) -> int:
        return place_of(self.at.epoch, order)

    def standing(self, order: int, ahead: int) -> Sighting:
        return Sighting(spot=Spot.WAITING, place=self.place(order), ahead=ahead)


@asynccontextmanager
async def embedded_line() -> AsyncIterator[Line]:
    store = RedisStore(embedded_redis(), process_marker)
    yield Line(store)
    await store.close()


@asynccontextmanager
async def real_line(url: str) -> AsyncIterator[Line]:
    store = connect(url, timeout_seconds=5)  # this machine may be busy
    line = Line(store)
    yield line
    await line.recovery.purge(line.concert_id)
    await store.close()


def fan(number: int) -> UserId:
    return UserId(UUID(int=number))
