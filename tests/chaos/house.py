"""The system as one process has it, built by the production container, its ports decorated; and what fans ask of it."""

import asyncio
import pickle
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from dependency_injector import providers
from sqlalchemy import select

from adapters.embedded.broker import EmbeddedBroker
from adapters.sql.core_tables import SEATS
from application.booking.cancel_reservation import CancelReservationCommand
from application.booking.hold_seats import HoldSeatsCommand
from application.booking.pay import PayCommand
from application.booking.prepare_payment import PreparePaymentCommand
from application.booking.sign_in_as_guest import WelcomeGuest
from application.catalogue.create_concert import CreateConcertCommand, PerformancePlan
from application.patience import Patience
from application.points.top_up_points import TopUpCommand
from application.ports.admission import Taken
from application.ports.waiting_queue import QueueEpoch
from application.queueing.grant_passes import GrantPasses
from domain.concert import Section, Venue
from domain.ids import ConcertId, PaymentId, PerformanceId, ReservationId, SeatId, TopUpId, UserId
from domain.money import Won
from domain.payment import PaymentMethod
from domain.payment_order import order_id_of
from domain.queue_token import QueueToken
from entrypoints.container import Container
from entrypoints.settings import read_settings
from entrypoints.simulators.together import NHN_PATH, TOSS_PATH
from tests.chaos.books import Books, read_books
from tests.chaos.crash_points import CHANNEL_CALLS, WATCHED, CrashPoints, Watched, WatchedUnitOfWork
from tests.chaos.time_passes import let_time_pass

PRICE = Won(50_000)
PLACE = 7
ROUNDS = 15
LONGEST_CLAIM = 95
"""Seconds: longer than any lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where it all happens. ``broker``: a migrated SQLite file, the database itself or one beside it."""

    database_url: str
    broker: Path
    directory: Path
    simulators: str
    """Where the providers' look-alikes answer; ``providers`` is where they keep their books."""
    providers: Path


class Fan(NamedTuple):
    user_id: UserId
    phone: str


class Order(NamedTuple):
    order_id: str
    amount: int


class NotQuiet(Exception):
    """Something is still open, however much time has passed."""


class Notes:
    """What the fans know; they outlive any server."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Any] = pickle.loads(path.read_bytes()) if path.exists() else {}

    def __getitem__(self, name: str) -> Any:
        return self._known[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._known[name] = value
        self._path.write_bytes(pickle.dumps(self._known))

    async def once(self, name: str, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Asked until there is an answer, and not again."""
        if name not in self._known:
            self[name] = await ask()
        return self._known[name]

    def same(self, name: str, answer: Any) -> None:
        """An answer that was given once is given always."""
        if name not in self._known:
            self[name] = answer
        assert self._known[name] == answer, f"{name}: first {self._known[name]}, then {answer}"


@dataclass
class House:
    container: Container
    ground: Ground
    notes: Notes
    http: httpx.AsyncClient
    points: CrashPoints
    roles: dict[str, Callable[[], Awaitable[int]]] = field(default_factory=dict)

    # --- the scene --------------------------------------------------------------------------------------------------
    async def open_sale(self, seats: int = 4) -> PerformanceId:
        now = datetime.now(UTC)
        hall = Venue(name="올림픽홀", sections=(Section(name="가", rows=1, seats_per_row=seats, grade="R", price=PRICE),))
        command = CreateConcertCommand(
            title="첫눈",
            artist="가수",
            queue_opens_at=now - timedelta(days=2),
            sales_open_at=now - timedelta(days=1),
            sales_close_at=now + timedelta(days=20),
            performances=(PerformancePlan(venue=hall, starts_at=now + timedelta(days=30)),),
        )
        concert_id = await self.container.create_concert()(command)
        [[performance]] = await self.container.concerts().performances_of([concert_id])
        performance_id: PerformanceId = performance.id
        return performance_id

    async def seats(self, performance_id: PerformanceId) -> list[SeatId]:
        """In the order of the hall."""
        of_hall = SEATS.c.performance_id == performance_id.performance
        rows = await self.container.database().rows(select(SEATS.c.seat_id).where(of_hall).order_by(SEATS.c.seat_id))
        return [SeatId(*performance_id, row.seat_id) for row in rows]

    async def fans(self, performance_id: PerformanceId, count: int) -> list[Fan]:
        """With a pass, 1,000,000 points and a phone."""
        transactor = self.container.transactor()
        made = [Fan(UserId(self.container.ids().new_id()), f"010{random.randrange(10**8):08}") for _ in range(count)]
        for first in range(0, count, 500):
            some = made[first : first + 500]
            await asyncio.gather(*(transactor.run(WelcomeGuest(user_id=fan.user_id, phone=fan.phone)) for fan in some))
        [queue] = await self.container.queues().queues_by_id([performance_id.concert_id])
        assert queue is not None
        at = QueueEpoch(performance_id.concert_id, queue.epoch)
        taken = tuple(Taken(fan.user_id, PLACE) for fan in made)
        for first in range(0, count, 50):
            await transactor.run(GrantPasses(at=at, taken=taken[first : first + 50], duration=timedelta(hours=1)))
        return made

    def token(self, concert_id: ConcertId, fan: Fan) -> str:
        token = QueueToken(concert_id=concert_id, user_id=fan.user_id, lane="general", place=PLACE, entered_at=datetime.now(UTC))
        return self.container.tokens().sign(token)

    # --- what a fan asks --------------------------------------------------------------------------------------------
    async def hold(self, fan: Fan, seats: list[SeatId], key: str = "hold") -> ReservationId:
        performance_id = seats[0].performance_id
        command = HoldSeatsCommand(
            user_id=fan.user_id,
            performance_id=performance_id,
            seat_ids=tuple(seats),
            queue_token=self.token(performance_id.concert_id, fan),
            idempotency_key=key,
        )
        return await self.container.use_cases().hold_seats(command)

    async def prepare(self, fan: Fan, reservation_id: ReservationId, points: int = 0) -> Order:
        command = PreparePaymentCommand(
            user_id=fan.user_id,
            reservation_id=reservation_id,
            queue_token=self.token(reservation_id.concert_id, fan),
            points=Won(points),
        )
        prepared = await self.container.use_cases().prepare_payment(command)
        return Order(order_id_of(prepared.attempt), prepared.order.card_amount)

    async def prepare_top_up(self, fan: Fan, amount: int) -> Order:
        prepared = await self.container.use_cases().prepare_top_up(fan.user_id, amount)
        return Order(order_id_of(prepared.id), prepared.order.card_amount)

    async def checkout(self, order: Order, **card: Any) -> str:
        """At the gateway, as the fan's own device does it."""
        body = {"orderId": order.order_id, "amount": order.amount, **card}
        answer = await self.http.post("/simulator/toss/checkout", json=body)
        key: str = answer.json()["paymentKey"]
        return key

    async def pay(
        self, fan: Fan, reservation_id: ReservationId, order: Order | None = None, card: str | None = None, key: str = "pay"
    ) -> PaymentId:
        """By card, if an order is given."""
        command = PayCommand(
            user_id=fan.user_id,
            reservation_id=reservation_id,
            queue_token=self.token(reservation_id.concert_id, fan),
            idempotency_key=key,
            method=PaymentMethod.CARD if order else PaymentMethod.POINTS,
            order_id=order and order.order_id,
            payment_key=card,
        )
        payment_id: PaymentId = await self.container.use_cases().pay(command)
        return payment_id

    async def top_up(self, fan: Fan, order: Order, card: str, key: str = "top-up") -> TopUpId:
        command = TopUpCommand(user_id=fan.user_id, order_id=order.order_id, amount=order.amount, payment_key=card, idempotency_key=key)
        return (await self.container.use_cases().top_up_points(command)).id

    async def cancel(self, fan: Fan, reservation_id: ReservationId, key: str = "cancel") -> tuple[int, int]:
        """Points and card, in won."""
        command = CancelReservationCommand(user_id=fan.user_id, reservation_id=reservation_id, idempotency_key=key)
        cancelled = await self.container.use_cases().cancel_reservation(command)
        return cancelled.refunded_points, cancelled.refunded_card

    # --- what goes on behind ----------------------------------------------------------------------------------------
    async def work(self, *names: str) -> None:
        """These roles, all if none is named, pass after pass until none finds anything to do."""
        found = True
        while found:
            found = False
            for name in names or tuple(self.roles):
                found = await self.roles[name]() > 0 or found

    async def recover(self) -> None:
        """Everything that waits for a lease or its time is done, and nothing is open. Raises NotQuiet."""
        open_work: list[str] = []
        for _ in range(ROUNDS):
            await self.work()
            open_work = (await self.books()).open_work
            if not open_work:
                return
            await let_time_pass(self.container.database(), LONGEST_CLAIM)
        raise NotQuiet(open_work)

    async def pass_time(self, seconds: int) -> None:
        """For claims, holds and passes; not at the gateway."""
        await let_time_pass(self.container.database(), seconds, for_holds=True)

    async def books(self) -> Books:
        return await read_books(self.container.database(), self.ground.providers)


@asynccontextmanager
async def opened_house(
    ground: Ground,
    points: CrashPoints | None = None,
    *,
    patience: float = 0.0,
    concurrency: int = 1,
    adorn: Callable[[Container], None] = lambda container: None,
) -> AsyncIterator[House]:
    """``patience``: seconds that a payer waits for the gateway's answer; ``concurrency``: errands at once; ``adorn``: more decorators."""
    points = points or CrashPoints()
    container = _container(ground, points, patience, concurrency)
    adorn(container)
    async with AsyncExitStack() as stack:
        database, unit_of_work = container.database(), container.unit_of_work()
        await database.open()
        stack.push_async_callback(database.close)
        await unit_of_work.open()
        stack.push_async_callback(unit_of_work.close)
        few = httpx.Limits(max_connections=8)  # among many, the pool's own search is what costs
        client = httpx.AsyncClient(base_url=ground.simulators, trust_env=False, verify=False, timeout=60, limits=few)
        http = await stack.enter_async_context(client)
        house = House(container, ground, Notes(ground.directory / "notes"), http, points)
        house.roles = {
            "reconciler": container.run_errands(),
            "refunds": container.refund_performances(),
            "sweeper": container.expire_holds(),
            "relay": container.relay_outbox(),
            "consumer": container.consume_messages(),
            "notifier": container.send_notifications(),
        }
        broker = container.embedded_broker()
        assert broker is not None
        stack.push_async_callback(broker.close)
        stack.push_async_callback(container.carrier().close)
        stack.push_async_callback(container.toss().close)
        yield house


def _container(ground: Ground, points: CrashPoints, patience: float, concurrency: int) -> Container:
    environment = {
        "CONCERT_DATA_DIR": str(ground.directory.parent),
        "CONCERT_DATABASE_URL": ground.database_url,
        "CONCERT_TOSS_URL": f"{ground.simulators}{TOSS_PATH}",
        "CONCERT_ALIMTALK_URL": f"{ground.simulators}{NHN_PATH}",
        "CONCERT_SMS_URL": f"{ground.simulators}{NHN_PATH}",
    }
    container = Container(settings=read_settings(environment))
    container.embedded_broker.override(providers.Object(EmbeddedBroker(ground.broker, container.clock())))
    container.patience.override(providers.Object(Patience(container.sleeper(), patience)))
    container.consume_messages.add_kwargs(wait_seconds=0.0)
    container.run_errands.add_kwargs(concurrency=concurrency)
    container.unit_of_work.override(providers.Object(WatchedUnitOfWork(container.unit_of_work(), points)))
    carrier = container.carrier()
    container.carrier.override(providers.Object(replace(carrier, alimtalk=Watched(carrier.alimtalk, "alimtalk", points, CHANNEL_CALLS))))
    for name, calls in WATCHED.items():
        provider = getattr(container, name)
        provider.override(providers.Object(Watched(provider(), name, points, calls)))
    return container
