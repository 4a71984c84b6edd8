"""``kill -9`` of `concert serve` while fans join, hold, pay and cancel: it starts again on its data, and they ask again."""

import asyncio
import random
import secrets
import signal
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import httpx
import pytest

from adapters.sql.database import Database, database_at
from entrypoints.simulators.together import NHN_PATH, TOSS_PATH
from features.worlds.accounts import operator_token
from features.worlds.graphql import GraphqlClient
from features.worlds.operator import Operator, Plan, Show
from tests.chaos.books import Books, read_books
from tests.chaos.house import LONGEST_CLAIM, Ground
from tests.chaos.patient_server import NurseryServer, PatientServer, serving
from tests.chaos.steadfast_fan import SteadfastFan, Wish
from tests.chaos.time_passes import let_time_pass

pytestmark = pytest.mark.timeout(600)
"""Longer than any wait inside, the fixtures' included."""

SEATS_EACH = 2
QUIET_SECONDS = 100.0
AT_MOST_LATER = 0.2
"""Seconds from the answer that a kill waits for to the kill."""


EMBEDDED: Mapping[str, str] = MappingProxyType({})
Kind = type[PatientServer] | type[NurseryServer]


@dataclass
class Heard:
    """How many answers the fans have had, all together."""

    count: int = 0
    more: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def one(self) -> None:
        async with self.more:
            self.count += 1
            self.more.notify_all()

    async def at_least(self, count: int) -> None:
        async with self.more:
            await self.more.wait_for(lambda: self.count >= count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    server: PatientServer | NurseryServer
    database: Database
    providers: Path
    simulators: str
    show: Show

    async def quiet_books(self) -> Books:
        """Once nobody has anything left to do. Raises TimeoutError."""
        async with asyncio.timeout(QUIET_SECONDS):
            while True:
                books = await read_books(self.database, self.providers)
                if not books.open_work:
                    return books
                await asyncio.sleep(0.2)


async def test_nothing_told_is_lost_on_sqlite(ground: Ground, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'data' / 'concert.sqlite3'}"
    async with opened_scene(ground, tmp_path, url, fans=24, kind=NurseryServer) as scene:
        await killed_while_fans_ask(scene, fans=24, kills=2, chance=random.Random(0))


@pytest.mark.chaos
@pytest.mark.parametrize("seed", range(1, 6))
async def test_many_kills_on_sqlite(seed: int, ground: Ground, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'data' / 'concert.sqlite3'}"
    async with opened_scene(ground, tmp_path, url, fans=60) as scene:
        await killed_while_fans_ask(scene, fans=60, kills=6, chance=random.Random(seed))


@pytest.mark.chaos
@pytest.mark.parametrize("seed", range(1, 6))
async def test_many_kills_over_real_servers(
    seed: int, ground: Ground, mysql_database: str, redis_url: str, kafka_bootstrap: str, tmp_path: Path
) -> None:
    servers = {"REDIS_URL": redis_url, "KAFKA_BOOTSTRAP": kafka_bootstrap, "KAFKA_PREFIX": f"{secrets.token_hex(4)}."}
    async with opened_scene(ground, tmp_path, mysql_database, fans=60, servers=servers) as scene:
        await killed_while_fans_ask(scene, fans=60, kills=6, chance=random.Random(seed))


@asynccontextmanager
async def opened_scene(
    ground: Ground, directory: Path, database_url: str, *, fans: int, kind: Kind = PatientServer, servers: Mapping[str, str] = EMBEDDED
) -> AsyncIterator[Scene]:
    """A concert on sale with seats for all; the providers' look-alikes outlive the service."""
    secret = secrets.token_urlsafe(48)
    settings = {
        "DATABASE_URL": database_url,
        "TOSS_URL": f"{ground.simulators}{TOSS_PATH}",
        "ALIMTALK_URL": f"{ground.simulators}{NHN_PATH}",
        "SMS_URL": f"{ground.simulators}{NHN_PATH}",
        "JWT_SECRET": secret,
        "LEASE_SECONDS": "11",
        "HOLD_SECONDS": "3600",
        "PASS_SECONDS": "3600",
    }
    with serving(kind, directory / "data", **settings, **servers) as server:
        database = database_at(database_url)
        await database.open()
        try:
            show = await asyncio.to_thread(put_on_sale, server.url, operator_token(secret), fans)
            yield Scene(server=server, database=database, providers=ground.providers, simulators=ground.simulators, show=show)
        finally:
            await database.close()


def put_on_sale(url: str, bearer: str, fans: int) -> Show:
    api = GraphqlClient(url)
    try:
        return Operator(api, bearer).create(Plan(sections=(("A", fans), ("B", fans)), capacity=fans))
    finally:
        api.close()


async def killed_while_fans_ask(scene: Scene, *, fans: int, kills: int, chance: random.Random) -> None:
    heard = Heard()
    async with (
        httpx.AsyncClient(base_url=scene.server.url, limits=httpx.Limits(max_connections=fans)) as http,
        httpx.AsyncClient(base_url=scene.simulators, timeout=20) as gateway,
    ):
        crowd = [a_fan(number, scene.show, http, gateway, heard) for number in range(1, fans + 1)]
        answers = sum(fan.wish.answers for fan in crowd)
        moments = sorted(chance.sample(range(answers // 10, answers * 9 // 10), kills))
        async with asyncio.TaskGroup() as together:
            together.create_task(kill_at(moments, scene, heard, chance))
            for fan in crowd:
                together.create_task(fan.walk())
        assert heard.count == answers
        books = await scene.quiet_books()
        assert books.violations() == []
        assert facts(books) == expected(crowd)
        for fan in crowd:
            await fan.finds_what_was_told()
        assert facts(await scene.quiet_books()) == expected(crowd)


def a_fan(number: int, show: Show, http: httpx.AsyncClient, gateway: httpx.AsyncClient, heard: Heard) -> SteadfastFan:
    seats = [show.seats[f"{section}{number}"] for section in "AB"]
    wish = list(Wish)[number % len(Wish)]
    return SteadfastFan(number, http, gateway, show.concert_id, show.performance_id, seats, wish, heard.one)


async def kill_at(moments: list[int], scene: Scene, heard: Heard, chance: random.Random) -> None:
    """A little after so many answers each. What the dead process had leased is free when it starts again."""
    for moment in moments:
        await heard.at_least(moment)
        await asyncio.sleep(chance.random() * AT_MOST_LATER)
        assert await asyncio.to_thread(scene.server.stop, signal.SIGKILL) == -signal.SIGKILL
        await let_time_pass(scene.database, LONGEST_CLAIM)
        await asyncio.to_thread(scene.server.start)


def facts(books: Books) -> Mapping[str, object]:
    return {
        "reservations": books.statuses("reservations"),
        "payments": books.statuses("payments"),
        "tickets": books.live_tickets(),
        "told": Counter(row.template for row in books.rows["notifications"]),
    }


def expected(crowd: list[SteadfastFan]) -> Mapping[str, object]:
    back = sum(fan.wish.back for fan in crowd)
    keep = len(crowd) - back
    return {
        "reservations": {"CONFIRMED": keep, "CANCELLED": back},
        "payments": {"COMPLETED": keep, "CANCELLED": back},
        "tickets": keep * SEATS_EACH,
        "told": {"PAYMENT_COMPLETED": keep + back, "PAYMENT_CANCELLED": back},
    }
