"""A list costs as many statements as its selection has levels, however long it is."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dependency_injector import providers
from sqlalchemy import Executable, Row

from adapters.sql.addresses import SqliteAddress, parse_address
from adapters.sql.sqlite_database import SqliteDatabase
from application.booking.hold_seats import HoldSeatsCommand
from application.booking.pay import PayCommand
from application.catalogue.create_concert import CreateConcertCommand
from application.ports.catalogue import SeatFilter
from application.queueing.join_queue import JoinQueueCommand
from domain.ids import ConcertId, PerformanceId
from domain.money import Won
from entrypoints.auth import Person
from entrypoints.container import Container
from entrypoints.demo import demo_concert
from entrypoints.graphql.context import Context
from entrypoints.graphql.schema import build_schema
from entrypoints.graphql.wording import Language
from entrypoints.processes import migrate_database, opened
from entrypoints.settings import read_settings

CONCERTS = """query($first: Int!) { concerts(first: $first) { edges { node { title
  performances { venue concert { title } grades { grade available } } } } } }"""
RESERVATIONS = """query($first: Int!) { viewer { reservations(first: $first) { edges { node { status
  performance { venue concert { title } } seats { grade } payment { amount }
  tickets { code seat { row } performance { venue } } } } } } }"""


class CountingDatabase(SqliteDatabase):
    statements = 0

    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        self.statements += 1
        return await super().rows(statement)


@pytest.fixture
async def container(tmp_path: Path) -> AsyncIterator[Container]:
    container = Container(settings=read_settings({"CONCERT_DATA_DIR": str(tmp_path)}))
    address = parse_address(container.settings().database_url)
    assert isinstance(address, SqliteAddress)
    container.database.override(providers.Singleton(CountingDatabase, address))
    await migrate_database(container.settings())
    async with opened(container):
        yield container


async def on_sale(container: Container, concerts: int) -> list[ConcertId]:
    plan = _small(demo_concert(container.clock().now()))
    return [await container.create_concert()(plan) for _ in range(concerts)]


def _small(plan: CreateConcertCommand) -> CreateConcertCommand:
    section = replace(plan.performances[0].venue.sections[0], rows=1, seats_per_row=4, price=Won(10_000))
    venue = replace(plan.performances[0].venue, sections=(section, replace(section, name="B", grade="R")))
    performances = tuple(replace(performance, venue=venue) for performance in plan.performances)
    return replace(plan, concert_id=None, performances=performances)


async def bought(container: Container, person: Person, concert_id: ConcertId) -> None:
    use_cases = container.use_cases()
    token = (await use_cases.join_queue(JoinQueueCommand(user_id=person.user_id, concert_id=concert_id))).value
    while not await container.admit_buyers()():
        pass
    (performance, *_) = (await container.concerts().performances_of([concert_id]))[0]
    page = await container.seats().seats(performance.id, SeatFilter(), 2, None, container.clock().now())
    hold = HoldSeatsCommand(
        user_id=person.user_id,
        performance_id=PerformanceId(*performance.id),
        seat_ids=tuple(seat.id for seat in page.items),
        queue_token=token,
        idempotency_key="h",
    )
    reservation_id = await use_cases.hold_seats(hold)
    await use_cases.pay(PayCommand(user_id=person.user_id, reservation_id=reservation_id, queue_token=token, idempotency_key="p"))


async def guest(container: Container) -> Person:
    guest = await container.use_cases().sign_in_as_guest("01012345678")
    return Person(user_id=guest.user_id, roles=frozenset(), lanes=(), phone=None, expires_at=9e9)


async def statements(container: Container, person: Person | None, query: str, first: int) -> tuple[int, Any]:
    database = container.database()
    assert isinstance(database, CountingDatabase)
    before = database.statements
    context = Context(container.services(), language=Language.ENGLISH, correlation_id="c", person=person, refused=None)
    answer = await build_schema(introspection=True).execute(query, {"first": first}, context)
    assert answer.errors is None
    return database.statements - before, answer.data


async def test_concerts(container: Container) -> None:
    await on_sale(container, 5)
    one, _ = await statements(container, None, CONCERTS, 1)
    five, data = await statements(container, None, CONCERTS, 5)
    assert data is not None and len(data["concerts"]["edges"]) == 5
    assert [len(edge["node"]["performances"]) for edge in data["concerts"]["edges"]] == [2] * 5
    # concerts; performances; their concerts and their grades
    assert (one, five) == (4, 4)


async def test_reservations(container: Container) -> None:
    person = await guest(container)
    for concert_id in await on_sale(container, 3):
        await bought(container, person, concert_id)
    one, _ = await statements(container, person, RESERVATIONS, 1)
    three, data = await statements(container, person, RESERVATIONS, 3)
    assert data is not None
    reservations = [edge["node"] for edge in data["viewer"]["reservations"]["edges"]]
    assert [len(reservation["tickets"]) for reservation in reservations] == [2, 2, 2]
    assert {reservation["payment"]["amount"] for reservation in reservations} == {20_000}
    assert (one, three) == (10, 10)
    # reservations and their seats; performances, seats, payments, tickets; concerts, and the tickets' seats and performances
