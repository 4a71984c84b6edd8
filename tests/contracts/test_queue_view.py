"""The contract of QueueView."""

from datetime import timedelta
from typing import Any

import pytest

from adapters.sql import core_tables as tables
from adapters.sql.catalogue_store import SqlCatalogueStore
from adapters.sql.database import Database
from adapters.sql.mappers import MAPPER_OF, Stamp
from adapters.sql.queue_view import SqlQueueView
from application.ports.queue_records import LiveQueue
from domain.buyer import Buyer, PassEnd
from domain.concert import Concert
from domain.concert_queue import ConcertQueue, QueueStatus
from domain.ids import BuyerId, ConcertId, ReservationId, UserId
from tests.contracts.clocks import FixedClock
from tests.contracts.rows import MINUTE, NOW, a_concert, a_performance, a_queue, insert_rows, uid

TICK = timedelta(microseconds=1)


async def add(database: Database, concert: Concert, **queue: Any) -> ConcertQueue:
    added = a_queue(concert, **queue)
    assert await SqlCatalogueStore(database, FixedClock()).add(concert, [a_performance(concert)], [], added)
    return added


def a_buyer(user: int, concert: int = 1, **changes: Any) -> Buyer:
    return Buyer(id=BuyerId(ConcertId(uid(concert)), UserId(uid(user))), **changes)


async def put(database: Database, *buyers: Buyer) -> None:
    stamp = Stamp(shard=uid(1), now=NOW)
    rows = [MAPPER_OF["buyers"].row_of(buyer, stamp) for buyer in buyers]
    await insert_rows(database, tables.BUYERS, (dict(zip(tables.BUYERS.columns.keys(), row, strict=True)) for row in rows))


@pytest.fixture
def view(database: Database) -> SqlQueueView:
    return SqlQueueView(database)


async def test_queues_come_in_the_order_of_their_keys(database: Database, view: SqlQueueView) -> None:
    first = await add(database, a_concert(1), epoch=8191, status=QueueStatus.PAUSED, capacity=1, rate=7)
    second = await add(database, a_concert(2))
    assert await view.queues_by_id([second.concert_id, ConcertId(uid(3)), first.concert_id]) == [second, None, first]
    assert await view.queues_by_id([]) == []


async def test_live_queues_are_those_people_may_stand_in(database: Database, view: SqlQueueView) -> None:
    paused = await add(database, a_concert(5, sales_open_at=NOW + MINUTE), status=QueueStatus.PAUSED)
    opening = await add(database, a_concert(4, queue_opens_at=NOW, sales_close_at=NOW + TICK))
    await add(database, a_concert(3, queue_opens_at=NOW + TICK))
    await add(database, a_concert(2, sales_close_at=NOW))
    await add(database, a_concert(1), status=QueueStatus.CLOSED)
    live = [
        LiveQueue(queue=opening, sales_open_at=a_concert(4).sales_open_at),
        LiveQueue(queue=paused, sales_open_at=NOW + MINUTE),
    ]
    assert await view.live_queues(NOW, 10) == live
    assert await view.live_queues(NOW, 1) == live[:1]


async def test_buyers_come_in_the_order_of_their_keys(database: Database, view: SqlQueueView) -> None:
    plain = a_buyer(1)
    full = a_buyer(
        2,
        pass_place=8191 * 2**40 + 3,
        first_deadline=NOW + MINUTE,
        deadline=NOW + 2 * MINUTE,
        shown_at=NOW,
        ended=PassEnd.TAKEN_BACK,
        highest_spent_place=8191 * 2**40 + 4,
        held=2,
        bought=1,
        open_reservation_id=ReservationId(ConcertId(uid(1)), uid(8), uid(9)),
        open_hold_until=NOW + 3 * MINUTE,
    )
    await put(database, plain, full, a_buyer(1, concert=2, held=4))
    assert await view.buyers_by_id([full.id, a_buyer(3).id, plain.id]) == [full, None, plain]
    assert await view.buyers_by_id([]) == []


async def test_a_concert_s_buyers_are_walked_by_user(database: Database, view: SqlQueueView) -> None:
    buyers = [a_buyer(number, ended=PassEnd.USED if number == 3 else None) for number in range(1, 6)]
    await put(database, *reversed(buyers), a_buyer(4, concert=2))
    concert = ConcertId(uid(1))
    assert await view.buyers_of(concert, 2, None) == buyers[:2]
    assert await view.buyers_of(concert, 2, buyers[1].id.user_id) == buyers[2:4]
    assert await view.buyers_of(concert, 2, buyers[3].id.user_id) == buyers[4:]
    assert await view.buyers_of(concert, 2, buyers[4].id.user_id) == []
