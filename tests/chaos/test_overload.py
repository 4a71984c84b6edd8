"""Far more callers than there is room for, for seconds on end: the excess is refused at once, the rest is served, and it passes."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from adapters.sql.core_tables import PAYMENTS, POINT_LEDGER
from application.booking.pay import PayCommand
from benchmarks.soak.house import House, opened_house
from benchmarks.soak.memory import gauge
from domain.errors import ServiceUnavailable
from domain.ids import PaymentId, UserId

WAITING = 50
CALLERS = 400
WARM_UP_SECONDS, SECONDS = 1.0, 2.0
PAUSE = 0.05
"""Between a refusal and the next try: nobody honours `retryAfterSeconds` here."""
AT_ONCE = 0.25
MIB = 1 << 20


@dataclass
class Storm:
    """Every caller asks again and again, whether or not they have paid already."""

    house: House
    paid: dict[UserId, set[PaymentId]] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    most_waiting: int = 0

    async def rage(self, bookings: list[PayCommand], seconds: float) -> None:
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as crowd:
            for booking in bookings:
                crowd.create_task(self._ask(booking, until))

    async def _ask(self, booking: PayCommand, until: float) -> None:
        room = self.house.container.unit_of_work()._room
        while (began := time.monotonic()) < until:
            try:
                payment_id = await self.house.pay(booking)
            except ServiceUnavailable as refused:
                self.answers["refused"] += 1
                assert refused.retry_after_seconds == 1
                self.answers["refused late"] += time.monotonic() - began > AT_ONCE
                await asyncio.sleep(PAUSE)
            else:
                self.answers["served"] += 1
                self.paid.setdefault(booking.user_id, set()).add(payment_id)
            self.most_waiting = max(self.most_waiting, len(room))


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("mysql", marks=pytest.mark.real)])
async def test_a_storm_is_shed_and_survived(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    database_url = request.getfixturevalue("mysql_database") if kind == "mysql" else ""
    async with opened_house(tmp_path, CALLERS, database_url=database_url, waiting=WAITING) as house:
        bookings = [booking for _ in range(CALLERS // WAITING) for booking in await house.book(WAITING)]
        storm = Storm(house)
        await storm.rage(bookings, WARM_UP_SECONDS)
        storm.answers.clear()
        with gauge() as sample:
            before = sample(0)
            await storm.rage(bookings, SECONDS)
            after = sample(0)

        # The excess was refused, at once, and the room never held more than it has.
        assert storm.answers["refused"] > CALLERS
        assert storm.answers["refused late"] <= storm.answers["refused"] // 100
        assert storm.most_waiting <= WAITING
        # What was served in the meantime left nothing behind.
        assert storm.answers["served"] > WAITING
        assert after.rss - before.rss < 16 * MIB
        assert after.blocks - before.blocks < 5_000

        await assert_all_is_as_ever(storm, bookings)
        counted = house.container.metrics().exposition().decode().splitlines()
    shortages = {line.split(" ")[0] for line in counted if line.startswith("concert_failures_total{") and "lack_of_resource" in line}
    assert shortages == {'concert_failures_total{kind="lack_of_resource",step="waiting_room"}'}


async def assert_all_is_as_ever(storm: Storm, bookings: list[PayCommand]) -> None:
    """Whoever asks is served, and everybody has paid once, however often they were told so."""
    began = time.monotonic()
    for first in range(0, CALLERS, WAITING):
        some = bookings[first : first + WAITING]
        for booking, payment_id in zip(some, await asyncio.gather(*map(storm.house.pay, some)), strict=True):
            storm.paid.setdefault(booking.user_id, set()).add(payment_id)
    assert time.monotonic() - began < 10
    assert len(storm.paid) == CALLERS
    assert {len(payments) for payments in storm.paid.values()} == {1}
    database = storm.house.container.database()
    assert len(await database.rows(select(PAYMENTS.c.payment_id))) == CALLERS
    amounts = [row.amount for row in await database.rows(select(POINT_LEDGER.c.amount))]
    assert [amount for amount in amounts if amount < 0] == [-50_000] * CALLERS
