"""One of the processes of a race: ``python -m tests.adapters.sql.racer RACE URL START FIRST COUNT``.

Works through its share of the race from the moment START (seconds since 1970) on, through the use cases, and prints what
became of it as JSON. A refusal is told by its class; what is no refusal of the domain ends the process.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from adapters.sql.database import database_at
from adapters.sql.seat_holders import SqlSeatHolders
from adapters.sql.unit_of_work import SqlUnitOfWork
from adapters.system.clock import SystemClock
from adapters.system.ids import Uuid7Generator
from adapters.system.jitter import RandomJitter
from adapters.system.sleeper import AsyncioSleeper
from application.booking.hold_seats import HoldSeats, HoldSeatsCommand
from application.booking.pay import Pay, PayCommand
from application.queueing.queue_tokens import QueueTokens
from application.retrying import Retrying
from domain.errors import BookingError
from domain.ids import PaymentId, ReservationId, UserId
from domain.reservation import HOLD_DURATION
from tests.adapters.sql.box_office import PERFORMANCE, StillMetrics, fan, seat_id, token, transactor

TOKENS = QueueTokens({"1": b"the races' key"})


class Stall:
    """The use cases over one unit of work, as one process has them."""

    def __init__(
        self, unit_of_work: SqlUnitOfWork, holders: SqlSeatHolders, patience: float = 30.0, hold_duration: Any = HOLD_DURATION
    ) -> None:
        retrying = Retrying(AsyncioSleeper(), RandomJitter(), StillMetrics(), patience=patience)
        run = transactor(unit_of_work)
        self._hold = HoldSeats(run, retrying, TOKENS, holders, SystemClock(), Uuid7Generator(), hold_duration)
        self._pay = Pay(run, retrying, TOKENS, Uuid7Generator())

    async def hold(self, user_id: UserId, *seats: int, key: str = "hold") -> ReservationId:
        return await self._hold(
            HoldSeatsCommand(
                user_id=user_id,
                performance_id=PERFORMANCE,
                seat_ids=tuple(map(seat_id, seats)),
                queue_token=TOKENS.sign(token(user_id)),
                idempotency_key=key,
            )
        )

    async def pay(self, user_id: UserId, reservation_id: ReservationId, key: str = "pay") -> PaymentId:
        return await self._pay(
            PayCommand(user_id=user_id, reservation_id=reservation_id, queue_token=TOKENS.sign(token(user_id)), idempotency_key=key)
        )


async def told(attempt: Awaitable[tuple[Any, ...]]) -> str:
    try:
        return str((await attempt)[-1])
    except BookingError as refusal:
        return type(refusal).__name__


async def one_seat(stall: Stall, number: int) -> str:
    return await told(stall.hold(fan(number), 0))


async def four_of_two_hundred(stall: Stall, number: int) -> str:
    return await told(stall.hold(fan(number), *random.Random(number).sample(range(200), 4)))


async def same_key(stall: Stall, number: int) -> str:
    """All of them are fan 0, who pays for one reservation with one key."""
    reservation_id = await stall.hold(fan(0), 0)
    return await told(stall.pay(fan(0), reservation_id))


RACES: dict[str, Callable[[Stall, int], Awaitable[str]]] = {
    "one_seat": one_seat,
    "four_of_two_hundred": four_of_two_hundred,
    "same_key": same_key,
}


async def main(race: str, url: str, start: str, first: str, count: str) -> None:
    database = database_at(url)
    await database.open()
    unit_of_work = SqlUnitOfWork(database, SystemClock(), StillMetrics())
    await unit_of_work.open()
    stall = Stall(unit_of_work, SqlSeatHolders(database))
    await asyncio.sleep(float(start) - time.time())
    ends = await asyncio.gather(*(RACES[race](stall, int(first) + number) for number in range(int(count))))
    await unit_of_work.close()
    await database.close()
    sys.stdout.write(json.dumps(ends))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
