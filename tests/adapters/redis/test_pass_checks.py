import asyncio
from uuid import UUID

from fakeredis import FakeAsyncRedis, FakeServer

from adapters.redis.keys import CHECKS, keys_of
from adapters.redis.pass_checks import MOST_PENDING, RedisPassChecks
from adapters.redis.store import RedisStore
from domain.ids import BuyerId, ConcertId, UserId

CONCERT = ConcertId(UUID(int=1))


class Counted:
    def __init__(self) -> None:
        self.dropped = 0

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        assert (name, labels) == ("concert_pass_checks_dropped_total", {})
        self.dropped += amount

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        raise AssertionError(name, seconds, labels)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        raise AssertionError(name, value, labels)


def buyer(number: int) -> BuyerId:
    return BuyerId(CONCERT, UserId(UUID(int=number)))


async def test_what_is_put_is_written_together_and_the_tick_is_woken_then() -> None:
    woken: list[int] = []
    store = RedisStore(FakeAsyncRedis(server=FakeServer(), protocol=2), lambda: "here")
    checks = RedisPassChecks(store, Counted(), lambda: woken.append(1))
    for n in range(5):
        await checks.put(buyer(n))
    assert woken == []
    await asyncio.sleep(0.02)
    assert await store.client.smembers(keys_of(CONCERT)[CHECKS]) == {buyer(n).user_id.bytes for n in range(5)}
    assert 0 < await store.client.ttl(keys_of(CONCERT)[CHECKS]) <= 3600
    assert woken == [1]
    await store.close()


async def test_while_the_line_is_away_nobody_waits_and_what_is_lost_is_counted() -> None:
    server, counted = FakeServer(), Counted()
    store = RedisStore(FakeAsyncRedis(server=server, protocol=2), lambda: "here")
    checks = RedisPassChecks(store, counted)
    server.connected = False
    await checks.put(buyer(1))
    await asyncio.sleep(0.02)
    assert counted.dropped == 1
    server.connected = True
    await checks.put(buyer(2))
    await asyncio.sleep(0.02)
    assert await store.client.smembers(keys_of(CONCERT)[CHECKS]) == {buyer(2).user_id.bytes}
    await store.close()


async def test_the_list_in_memory_is_bounded() -> None:
    counted = Counted()
    store = RedisStore(FakeAsyncRedis(server=FakeServer(), protocol=2), lambda: "here")
    checks = RedisPassChecks(store, counted)
    for n in range(MOST_PENDING + 3):
        await checks.put(buyer(n))
    assert counted.dropped == 3
    await asyncio.sleep(0.5)
    assert await store.client.scard(keys_of(CONCERT)[CHECKS]) == MOST_PENDING
    await store.close()
