"""What a real Redis server can do to us: restart, hang, be away, be the wrong one."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from adapters.redis.client import connect
from adapters.redis.errors import RedisSettingsError
from adapters.redis.server_check import check_server
from adapters.redis.store import RedisStore
from application.ports.queue_recovery import Begun
from application.ports.waiting_queue import EpochLost
from domain.errors import QueueUnavailable
from domain.queue_token import place_of
from tests.contracts.queue_stores import Line, fan
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.real

DEADLINE = 1.5
"""Seconds in which a caller hears that the queue is away: a connection and a reply of half a second each."""


def patient(url: str) -> RedisStore:
    """Where the deadline is not what is tested: this machine may be busy."""
    return connect(url, timeout_seconds=5)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer.started() as server:
        yield server


async def test_a_killed_server_loses_no_place_and_its_restart_is_noticed(server: RedisServer) -> None:
    line = Line(patient(server.url))
    await line.open(1)
    places = {n: (await line.join(fan(n))).place for n in range(50)}
    server.kill()
    with pytest.raises(QueueUnavailable):
        await line.join(fan(100))
    server.start()
    with pytest.raises((QueueUnavailable, EpochLost)):
        await line.join(fan(100))
    with pytest.raises(EpochLost):
        await line.join(fan(100))
    await line.open(2)
    assert (await line.join(fan(100))).place == place_of(2, 1)
    assert [(await line.join(fan(n))).place for n in range(50)] == list(places.values())
    await line.store.close()


async def test_a_server_that_restarted_while_nobody_was_connected_is_another_one_to_the_next_process(server: RedisServer) -> None:
    line = Line(patient(server.url))
    await line.open(1)
    await line.store.close()
    server.kill()
    server.start()
    another = Line(patient(server.url))
    another.concert_id, another.at = line.concert_id, line.at
    with pytest.raises(EpochLost):
        await another.join(fan(1))
    assert await another.recovery.begin(another.at, "another") is Begun.MINE
    await another.store.close()


async def test_everything_flushed_while_people_join_gives_each_a_place_or_a_clear_no(server: RedisServer) -> None:
    line = Line(patient(server.url))
    await line.open(1)

    async def join(number: int) -> int | None:
        try:
            return (await line.join(fan(number))).place
        except EpochLost:
            return None

    joining = [asyncio.create_task(join(n)) for n in range(2000)]
    await asyncio.sleep(0.01)
    await line.store.client.flushall()
    places = await asyncio.gather(*joining)
    numbered = [place for place in places if place is not None]
    assert len(set(numbered)) == len(numbered)
    assert await join(5000) is None
    assert await line.ranking() == []
    await line.store.close()


async def test_a_hanging_server_is_unavailable_within_the_deadline_for_all_who_ask(server: RedisServer) -> None:
    line = Line(connect(server.url))
    await line.open(1)
    server.pause()
    began = time.monotonic()
    answers = await asyncio.gather(*(line.join(fan(n)) for n in range(1000)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {QueueUnavailable}
    assert time.monotonic() - began < DEADLINE
    server.resume()
    assert (await line.join(fan(5000))).place > place_of(1, 0)
    await line.store.close()


async def test_a_refused_connection_is_unavailable_at_once(server: RedisServer) -> None:
    line = Line(connect(server.url))
    server.stop()
    began = time.monotonic()
    with pytest.raises(QueueUnavailable):
        await line.tick()
    assert time.monotonic() - began < 0.5
    await line.store.close()


async def test_the_server_s_care_is_checked_at_the_start(server: RedisServer) -> None:
    store = patient(server.url)
    report = await check_server(store)
    assert (report.append_only, report.replicas) == (True, 0)
    assert report.version.startswith("7.")
    await store.client.config_set("appendonly", "no")
    assert not (await check_server(store)).append_only
    await store.client.config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(RedisSettingsError, match="allkeys-lru"):
        await check_server(store)
    await store.close()


async def test_a_server_out_of_memory_is_unavailable_and_forgets_nobody(server: RedisServer) -> None:
    line = Line(patient(server.url))
    await line.open(1)
    first = await line.join(fan(1))
    await line.store.client.config_set("maxmemory", "1kb")
    with pytest.raises(QueueUnavailable):
        await line.join(fan(2))
    await line.store.client.config_set("maxmemory", "0")
    assert await line.join(fan(1)) == first
    await line.store.close()


@pytest.mark.parametrize("url", ["redis+sentinel://a:1,b:2/main", "redis+cluster://a:1,b:2", "http://a", "localhost"])
def test_an_address_of_no_supported_kind_is_refused_by_name(url: str) -> None:
    with pytest.raises(RedisSettingsError, match="redis://, rediss://, unix://"):
        connect(url)
