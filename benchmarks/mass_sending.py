"""How sending behaves when a whole stadium has to be told: python -m benchmarks.mass_sending [how many].

Prints, for each tenth, messages a second and the resident memory; the last line says how much memory grew after the first tenth.
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from sqlalchemy import Connection, func, insert, select, update

from adapters.sql.core_tables import NOTIFICATIONS
from adapters.sql.database import Database, database_at
from adapters.sql.delivery_queue import SqlDeliveryQueue
from adapters.sql.migrate import migrate
from adapters.sql.notification_queue import SqlNotificationQueue
from adapters.system.clock import SystemClock
from adapters.system.jitter import RandomJitter
from adapters.system.sleeper import AsyncioSleeper
from application.messaging.follow_deliveries import FollowDeliveries
from application.messaging.send_notifications import BATCH, SendNotifications
from application.ports.delivery_reports import Fate, Report
from application.ports.notification_channel import Receipt
from domain.ids import MessageId, UserId, derived_id
from domain.notification import Channel, Notification, NotificationStatus, notification_id

CONCERT = UUID(int=1)
FACTS = '{"title": "첫눈", "venue": "올림픽홀", "startsAt": "2030년 5월 9일(목) 19:30", "seats": "A 1열 1번(R)", "amount": "100,000원"}'
ROWS_AT_ONCE = 500
TENTHS = 10


class Carrier:
    """Takes everything at once, and says of everything that it arrived."""

    def __init__(self) -> None:
        self.sent = self.most_at_once = self._now = 0

    async def send(self, notification: Notification) -> Receipt:
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        await asyncio.sleep(0.001)
        self._now -= 1
        self.sent += 1
        return Receipt(reference=str(self.sent))

    async def find(self, notification: Notification) -> Receipt | None:
        return None

    async def report(self, notification: Notification, reference: str) -> Report:
        await asyncio.sleep(0)
        return Report(fate=Fate.DELIVERED)


class Unmeasured:
    def count(self, name: str, amount: int = 1, **labels: str) -> None: ...

    def observe(self, name: str, seconds: float, **labels: str) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...


def _insert(rows: list[dict[str, object]], connection: Connection) -> None:
    connection.execute(insert(NOTIFICATIONS), rows)


class Mass:
    LONG_AGO: ClassVar[datetime] = datetime(2020, 1, 1, tzinfo=UTC)

    def __init__(self, database: Database) -> None:
        self.database = database
        self.carrier = Carrier()
        self.batch = BATCH
        self._put = 0
        channels = {Channel.ALIMTALK: self.carrier}
        clock, jitter, owner = SystemClock(), RandomJitter(), "mass"
        self._send = SendNotifications(
            SqlNotificationQueue(database), channels, clock, AsyncioSleeper(), jitter, Unmeasured(), owner, batch=self.batch
        )
        self._follow = FollowDeliveries(SqlDeliveryQueue(database), channels, clock, jitter, Unmeasured(), owner)

    async def put(self, many: int) -> None:
        for start in range(self._put, self._put + many, ROWS_AT_ONCE):
            rows = [self._row(number) for number in range(start, min(start + ROWS_AT_ONCE, self._put + many))]
            await self.database.write(partial(_insert, rows))
        self._put += many

    async def send_a_batch(self) -> int:
        return await self._send()

    async def drain(self) -> None:
        """Sends all that waits, and follows it to its end at once."""
        while await self._send():
            await self.database.write(
                lambda connection: connection.execute(
                    update(NOTIFICATIONS).where(NOTIFICATIONS.c.status == NotificationStatus.SENT).values(next_attempt_at=self.LONG_AGO)
                )
            )
            while await self._follow():
                pass

    def _row(self, number: int) -> dict[str, object]:
        event, recipient = MessageId(UUID(int=number + 1)), UserId(derived_id(CONCERT, "fan", UUID(int=number)))
        return {
            "concert_id": CONCERT,
            "notification_id": notification_id(event, recipient, Channel.ALIMTALK),
            "event": event,
            "recipient": recipient,
            "channel": Channel.ALIMTALK,
            "phone": f"010{number:08}",
            "template": "PAYMENT_COMPLETED",
            "facts": FACTS,
            "status": NotificationStatus.PENDING,
            "created_at": datetime.now(UTC),
            "attempts": 0,
            "next_attempt_at": self.LONG_AGO,
            "about": UUID(int=number + 1),
            "about_sequence": 1,
        }


@asynccontextmanager
async def mass(url: str) -> AsyncIterator[Mass]:
    await migrate(url)
    database = database_at(url)
    await database.open()
    try:
        yield Mass(database)
    finally:
        await database.close()


async def statuses(database: Database) -> Mapping[str, int]:
    rows = await database.rows(select(NOTIFICATIONS.c.status, func.count().label("many")).group_by(NOTIFICATIONS.c.status))
    return Counter({row.status: row.many for row in rows})


def resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


async def main(many: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        async with mass(f"sqlite:///{directory}/mass.db") as sending:
            resident: list[float] = []
            for tenth in range(TENTHS):
                await sending.put(many // TENTHS)
                started = time.monotonic()
                await sending.drain()
                resident.append(resident_megabytes())
                rate = many / TENTHS / (time.monotonic() - started)
                print(f"{(tenth + 1) * many // TENTHS:>8} told, {rate:6.0f} a second, {resident[-1]:7.1f} MiB resident", flush=True)
            print(f"grew by {resident[-1] - resident[0]:.1f} MiB after the first tenth; {dict(await statuses(sending.database))}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
