"""One process of the embedded default without its API: payments are made, and their messages reach whom they are for."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

from dependency_injector import providers
from sqlalchemy import func, select

from adapters.sql.core_tables import DEAD_LETTERS, NOTIFICATIONS, SEATS, TICKETS
from application.booking.hold_seats import HoldSeatsCommand
from application.booking.pay import PayCommand
from application.booking.sign_in_as_guest import WelcomeGuest
from application.catalogue.create_concert import CreateConcertCommand, PerformancePlan
from application.ports.admission import Taken
from application.ports.notification_channel import Receipt
from application.ports.unit_of_work import Needs
from application.ports.waiting_queue import QueueEpoch
from application.queueing.grant_passes import GrantPasses
from application.queueing.join_queue import JoinQueueCommand
from application.work import Work
from domain.concert import Section, Venue
from domain.ids import ConcertId, MessageId, PaymentId, PerformanceId, SeatId, UserId
from domain.message import OutboxMessage
from domain.money import Won
from domain.notification import Channel, Notification, NotificationStatus
from domain.queue_token import ONLY_LANE, QueueToken
from entrypoints.container import Container
from entrypoints.processes import migrate_database, opened
from entrypoints.settings import read_settings

PRICE = Won(50_000)
PLACE = 7
ROW = 100
GUESTS_A_GRANT = 50
TOLD_AT_ONCE = 256


class TakesAll:
    """A provider that takes every message, and keeps only how many there were."""

    def __init__(self) -> None:
        self.taken = 0

    async def send(self, notification: Notification) -> Receipt:
        self.taken += 1
        return Receipt(reference=str(notification.id))

    async def find(self, notification: Notification) -> Receipt | None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """A message is in the outbox."""

    message: OutboxMessage

    def needs(self) -> Needs:
        return Needs(shard=self.message.shard_key)

    def decide(self, work: Work) -> None:
        work.outbox.add(self.message)


class Outcome(NamedTuple):
    """What stands in the database."""

    tickets: int
    sent: int
    dead: int


class House:
    def __init__(self, container: Container, provider: TakesAll, performance_id: PerformanceId, seats: Sequence[SeatId]) -> None:
        self.container = container
        self._performance_id = performance_id
        self._free = iter(seats)
        self.provider = provider

    async def sell(self, count: int) -> None:
        """So many new people come, hold a seat each and pay for it with points, all at once; their passes are settled then."""
        await asyncio.gather(*(self.pay(booking) for booking in await self.book(count)))
        await self.container.admit_buyers()()

    async def book(self, count: int) -> list[PayCommand]:
        """So many new people hold a seat each: what is left is to pay."""
        run = self.container.transactor().run
        guests = [UserId(self.container.ids().new_id()) for _ in range(count)]
        await asyncio.gather(*(run(WelcomeGuest(user_id=guest, phone=_phone(guest))) for guest in guests))
        [queue] = await self.container.queues().queues_by_id([self._performance_id.concert_id])
        assert queue is not None
        at = QueueEpoch(self._performance_id.concert_id, queue.epoch)
        for first in range(0, count, GUESTS_A_GRANT):
            taken = tuple(Taken(guest, PLACE) for guest in guests[first : first + GUESTS_A_GRANT])
            await run(GrantPasses(at=at, taken=taken, duration=timedelta(hours=1)))
        return list(await asyncio.gather(*(self._hold(guest, next(self._free)) for guest in guests)))

    async def pay(self, booking: PayCommand) -> PaymentId:
        return await self.container.use_cases().pay(booking)

    async def _hold(self, guest: UserId, seat_id: SeatId) -> PayCommand:
        token = self._token(guest)
        command = HoldSeatsCommand(
            user_id=guest, performance_id=self._performance_id, seat_ids=(seat_id,), queue_token=token, idempotency_key="hold"
        )
        held = await self.container.use_cases().hold_seats(command)
        return PayCommand(user_id=guest, reservation_id=held, queue_token=token, idempotency_key="pay")

    async def tell(self, count: int) -> None:
        """So many messages wait in the outbox, each of a booking of its own."""
        run = self.container.transactor().run
        guest = UserId(uuid4())
        await run(WelcomeGuest(user_id=guest, phone=_phone(guest)))
        for told in range(0, count, TOLD_AT_ONCE):
            some = range(min(TOLD_AT_ONCE, count - told))
            await asyncio.gather(*(run(Tell(message=_message(self._performance_id.concert_id, guest))) for _ in some))

    async def work(self) -> int:
        """One pass of each role, side by side: how much they dealt with. Afterwards nothing is under way."""
        roles = (self.container.relay_outbox(), self.container.consume_messages(), self.container.send_notifications())
        return sum(await asyncio.gather(*(role() for role in roles)))

    async def outcome(self) -> Outcome:
        sent = select(func.count()).select_from(NOTIFICATIONS).where(NOTIFICATIONS.c.status == NotificationStatus.SENT)
        counts = (select(func.count()).select_from(TICKETS), sent, select(func.count()).select_from(DEAD_LETTERS))
        return Outcome(*[(await self.container.database().rows(count))[0][0] for count in counts])

    def _token(self, guest: UserId) -> str:
        token = QueueToken(
            concert_id=self._performance_id.concert_id, user_id=guest, lane=ONLY_LANE, place=PLACE, entered_at=datetime.now(UTC)
        )
        return self.container.tokens().sign(token)


@asynccontextmanager
async def opened_house(directory: Path, seats: int, *, database_url: str = "", waiting: int = 2_000) -> AsyncIterator[House]:
    """With so many seats on sale, on a SQLite file in this directory unless another database is named.

    ``waiting``: how many transactions the waiting room holds.
    """
    container = Container(settings=read_settings({"CONCERT_DATA_DIR": str(directory), "CONCERT_DATABASE_URL": database_url}))
    container.unit_of_work.add_kwargs(waiting=waiting)
    provider = TakesAll()
    container.channels.override(providers.Object(dict.fromkeys(Channel, provider)))
    container.consume_messages.add_kwargs(wait_seconds=0.0)
    await migrate_database(container.settings())
    async with opened(container):
        performance_id = await _sale(container, seats)
        await container.use_cases().join_queue(JoinQueueCommand(user_id=UserId(uuid4()), concert_id=performance_id.concert_id))
        try:
            yield House(container, provider, performance_id, await _seats(container, performance_id))
        finally:
            # Beside another database there is no embedded broker, and nobody here asks for one.
            if not database_url and (broker := container.embedded_broker()) is not None:
                await broker.close()


async def _sale(container: Container, seats: int) -> PerformanceId:
    now = datetime.now(UTC)
    hall = Venue(name="Hall", sections=(Section(name="Floor", rows=-(-seats // ROW), seats_per_row=ROW, grade="R", price=PRICE),))
    concert_id = await container.create_concert()(
        CreateConcertCommand(
            title="Soak",
            artist="The Clocks",
            queue_opens_at=now - timedelta(days=2),
            sales_open_at=now - timedelta(days=1),
            sales_close_at=now + timedelta(days=20),
            performances=(PerformancePlan(venue=hall, starts_at=now + timedelta(days=30)),),
        )
    )
    [[performance]] = await container.concerts().performances_of([concert_id])
    performance_id: PerformanceId = performance.id
    return performance_id


async def _seats(container: Container, performance_id: PerformanceId) -> list[SeatId]:
    rows = await container.database().rows(select(SEATS.c.seat_id).order_by(SEATS.c.seat_id))
    return [SeatId(*performance_id, row.seat_id) for row in rows]


def _phone(guest: UserId) -> str:
    return f"010{guest.int % 10**8:08}"


def _message(concert_id: ConcertId, guest: UserId) -> OutboxMessage:
    facts = {
        "concertId": str(concert_id),
        "userId": str(guest),
        "amount": PRICE,
        "title": "Soak",
        "venue": "Hall",
        "startsAt": datetime(2030, 5, 9, 10, 30, tzinfo=UTC).isoformat(),
        "seats": [{"section": "Floor", "row": "1", "number": 1, "grade": "R"}],
    }
    return OutboxMessage(
        id=MessageId(uuid4()),
        shard_key=concert_id,
        aggregate_type="reservation",
        key=UUID(int=uuid4().int),
        type="PaymentCompleted",
        version=1,
        sequence=1,
        occurred_at=datetime.now(UTC),
        payload=json.dumps(facts),
    )
