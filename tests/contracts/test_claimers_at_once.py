"""Two claim at the same moment, on MySQL: the second neither waits for the first nor takes what the first is about to take."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar
from uuid import UUID

import pytest
from sqlalchemy import Connection
from sqlalchemy.util import await_only

from adapters.sql.addresses import MysqlAddress, parse_address
from adapters.sql.database import Database
from adapters.sql.gateway_errands import SqlGatewayErrands
from adapters.sql.mysql_database import MysqlDatabase
from adapters.sql.notification_queue import SqlNotificationQueue
from adapters.sql.outbox import SqlOutbox
from tests.contracts import test_gateway_errands, test_notification_queue, test_outbox
from tests.contracts.rows import uid

T = TypeVar("T")
D = TypeVar("D", bound=MysqlDatabase)

LEASE = 60
NUMBERS = range(1, 5)
HALF = 2


class StandsBeforeCommit(MysqlDatabase):
    """Its writes have their locks and their changes, and do not commit until they may."""

    def __init__(self, address: MysqlAddress) -> None:
        super().__init__(address)
        self.stands, self.may_commit = asyncio.Event(), asyncio.Event()

    async def write(self, change: Callable[[Connection], T], *, deadline_seconds: float | None = None) -> T:
        def change_and_stand(connection: Connection) -> T:
            changed = change(connection)
            self.stands.set()
            await_only(self.may_commit.wait())
            return changed

        return await super().write(change_and_stand, deadline_seconds=deadline_seconds)


@asynccontextmanager
async def opened(database: D) -> AsyncIterator[D]:
    await database.open()
    try:
        yield database
    finally:
        await database.close()


class Messages:
    async def put(self, database: Database) -> None:
        await test_outbox.put(database, [test_outbox.a_message(number, key=number) for number in NUMBERS])

    async def claim(self, database: Database, owner: str) -> Sequence[UUID]:
        return [due.message.id for due in await SqlOutbox(database).claim(owner, HALF, LEASE)]


class Notifications:
    async def put(self, database: Database) -> None:
        await test_notification_queue.put(database, map(test_notification_queue.a_notification, NUMBERS))

    async def claim(self, database: Database, owner: str) -> Sequence[UUID]:
        return [due.notification.id for due in await SqlNotificationQueue(database).claim(owner, HALF, LEASE)]


class Errands:
    async def put(self, database: Database) -> None:
        await test_gateway_errands.put(database, map(test_gateway_errands.an_errand, NUMBERS))

    async def claim(self, database: Database, owner: str) -> Sequence[UUID]:
        return [due.errand.id.attempt for due in await SqlGatewayErrands(database).claim(owner, HALF, LEASE)]


@pytest.mark.parametrize("kind", [Messages(), Notifications(), Errands()], ids=lambda kind: type(kind).__name__)
async def test_the_second_takes_the_rest_while_the_first_has_not_committed(
    emptied_mysql_url: str, kind: Messages | Notifications | Errands
) -> None:
    address = parse_address(emptied_mysql_url)
    assert isinstance(address, MysqlAddress)
    async with opened(MysqlDatabase(address)) as database, opened(StandsBeforeCommit(address)) as standing:
        await kind.put(database)
        claiming = asyncio.create_task(kind.claim(standing, "first"))
        await standing.stands.wait()
        try:
            of_second = await kind.claim(database, "second")
        finally:
            standing.may_commit.set()
            of_first = await claiming
        assert (len(of_first), len(of_second)) == (HALF, HALF)
        assert sorted([*of_first, *of_second]) == [uid(number) for number in NUMBERS]
        assert await kind.claim(database, "third") == []
