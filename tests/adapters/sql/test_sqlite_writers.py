"""SQLite's one writer, and several processes on one file: slower, and no less right."""

import asyncio
import threading

import pytest

from adapters.sql.database import database_at
from adapters.sql.migrate import migrate
from adapters.sql.unit_of_work import SqlUnitOfWork
from application.work import Work
from domain.errors import OutcomeUnknown
from tests.adapters.sql.box_office import PRICE, StillMetrics, fan, open_box_office, seat_id, stored
from tests.adapters.sql.test_races import two_processes
from tests.adapters.sql.transactions import TickingClock, top_up


async def test_two_writers_of_one_file_wait_for_each_other(sqlite_url: str) -> None:
    """None of them has read before it holds the lock, so none has to be refused."""
    await migrate(sqlite_url)
    databases = [database_at(sqlite_url) for _ in range(2)]
    units = [SqlUnitOfWork(database, TickingClock(), StillMetrics(), group_size=1) for database in databases]
    for opening in (*databases, *units):
        await opening.open()
    await asyncio.gather(*(unit.run(top_up(fan(1))) for _ in range(40) for unit in units))
    assert await stored(databases[0], "point_accounts", "balance", "sequence") == [(80, 80)]
    for closing in (*units, *databases):
        await closing.close()


async def test_a_writer_that_dies_says_what_its_thread_went_on_to_do(sqlite_url: str) -> None:
    await migrate(sqlite_url)
    database = database_at(sqlite_url)
    await database.open()
    unit_of_work = SqlUnitOfWork(database, TickingClock(), StillMetrics())
    await unit_of_work.open()
    deciding, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def decide(work: Work) -> None:
        loop.call_soon_threadsafe(deciding.set)
        go_on.wait(10)

    answer = asyncio.create_task(unit_of_work.run(top_up(fan(1), then=decide)))
    await deciding.wait()
    (writer,) = [task for task in asyncio.all_tasks() if task.get_name() == "sql-writer"]
    writer.cancel()
    loop.call_later(0.1, go_on.set)
    with pytest.raises(OutcomeUnknown):
        await answer
    assert await stored(database, "point_accounts", "balance") == [(1,)]
    await unit_of_work.run(top_up(fan(1)))
    assert await stored(database, "point_accounts", "balance") == [(2,)]
    await unit_of_work.close()
    await database.close()


async def test_one_key_40_times_is_one_payment(sqlite_url: str) -> None:
    await migrate(sqlite_url)
    database = database_at(sqlite_url)
    await database.open()
    await open_box_office(database, seats=1, fans=1)
    ends = await two_processes("same_key", sqlite_url, 20)
    ((payment,),) = await stored(database, "payments", "payment_id")
    assert ends == [str(payment)] * 40
    assert await stored(database, "point_ledger", "user_id", "amount") == [(fan(0), -PRICE)]
    assert await stored(database, "tickets", "seat_id", "live") == [(seat_id(0).seat, 1)]
    await database.close()


async def test_fans_race_for_one_seat(sqlite_url: str) -> None:
    await migrate(sqlite_url)
    database = database_at(sqlite_url)
    await database.open()
    await open_box_office(database, seats=1, fans=100)
    ends = await two_processes("one_seat", sqlite_url, 50)
    assert ends.count("SeatsUnavailable") == 99
    assert [str(uuid) for (uuid,) in await stored(database, "seats", "reservation_id")] == list(set(ends) - {"SeatsUnavailable"})
    await database.close()
