"""A concert on sale in a database, fans who were admitted to it, and the use cases that serve them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, select

from adapters.sql.database import Database
from adapters.sql.mappers import MAPPER_OF, Stamp
from adapters.sql.tables import Row
from adapters.system.ids import Uuid7Generator
from application.booking.hold_seats import HoldSeatsCommand, HoldSeatsForBuyer
from application.booking.pay import PayCommand, PayWithPoints
from application.event_listeners import LISTENERS
from application.ports.unit_of_work import UnitOfWork
from application.transactor import Transactor
from domain.buyer import Buyer
from domain.concert import Performance, PerformanceStatus
from domain.ids import BuyerId, ConcertId, PaymentId, PerformanceId, ReservationId, SeatId, UserId, user_id_of
from domain.money import Won
from domain.point_account import PointAccount
from domain.queue_token import QueueToken
from domain.reservation import HOLD_DURATION, Reservation
from domain.seat import Seat

CONCERT = ConcertId(UUID(int=0xC0))
PERFORMANCE = PerformanceId(CONCERT, UUID(int=0xF0))
PRICE = Won(50_000)
POINTS = Won(1_000_000)
PLACE = 7

_ids = Uuid7Generator()


class StillMetrics:
    """Measures nothing."""

    def count(self, name: str, amount: int = 1, **labels: str) -> None: ...

    def observe(self, name: str, seconds: float, **labels: str) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...


class NoHints:
    """Tells nobody."""

    async def check_pass(self, buyer_id: BuyerId) -> None: ...

    async def wake_relay(self) -> None: ...

    async def wake_gateway(self) -> None: ...


def transactor(unit_of_work: UnitOfWork) -> Transactor:
    return Transactor(unit_of_work, LISTENERS, NoHints(), StillMetrics())


def fan(number: int) -> UserId:
    return user_id_of("tests", str(number))


def seat_id(number: int) -> SeatId:
    return SeatId(*PERFORMANCE, UUID(int=0x5EA7_0000 + number))


def token(user_id: UserId) -> QueueToken:
    return QueueToken(concert_id=CONCERT, user_id=user_id, lane="general", place=PLACE, entered_at=datetime.now(UTC))


def hold(user_id: UserId, *seats: SeatId, key: str | None = None, overdue: tuple[Reservation, ...] = ()) -> HoldSeatsForBuyer:
    """``key``: one of its own, unless given."""
    reservation_id = ReservationId(*PERFORMANCE, _ids.new_id())
    command = HoldSeatsCommand(
        user_id=user_id,
        performance_id=PERFORMANCE,
        seat_ids=seats,
        queue_token="",
        idempotency_key=key or str(reservation_id.reservation),
    )
    return HoldSeatsForBuyer(
        command=command, shown_token=token(user_id), reservation_id=reservation_id, duration=HOLD_DURATION, overdue=overdue
    )


def pay(user_id: UserId, reservation_id: ReservationId, *, key: str | None = None) -> PayWithPoints:
    payment_id = PaymentId(*PERFORMANCE, _ids.new_id())
    command = PayCommand(user_id=user_id, reservation_id=reservation_id, queue_token="", idempotency_key=key or str(payment_id.payment))
    return PayWithPoints(command=command, shown_token=token(user_id), payment_id=payment_id)


async def open_box_office(database: Database, *, seats: int, fans: int, points: Won = POINTS) -> None:
    """A performance with that many seats, and that many fans with a pass and points."""
    now = datetime.now(UTC)
    performance = Performance(
        id=PERFORMANCE,
        venue="올림픽홀",
        starts_at=now + timedelta(days=30),
        status=PerformanceStatus.ON_SALE,
        title="첫눈",
        sales_open_at=now - timedelta(hours=1),
        sales_close_at=now + timedelta(days=20),
        purchase_limit=4,
    )
    hall = [Seat(id=seat_id(number), section="가", row="1", number=number, grade="R", price=PRICE) for number in range(seats)]
    buyers = [Buyer(id=BuyerId(CONCERT, fan(number))).grant(PLACE, now) for number in range(fans)]
    accounts = [PointAccount(user_id=fan(number), balance=points) for number in range(fans)]

    def change(connection: Connection) -> None:
        connection.execute(
            insert(Row.metadata.tables["concerts"]),
            {
                "concert_id": CONCERT,
                "title": performance.title,
                "artist": "가수",
                "queue_opens_at": performance.sales_open_at,
                "sales_open_at": performance.sales_open_at,
                "sales_close_at": performance.sales_close_at,
                "purchase_limit": performance.purchase_limit,
            },
        )
        stamp = Stamp(CONCERT, now)
        _insert(connection, "performances", [performance], stamp)
        _insert(connection, "seats", hall, stamp)
        _insert(connection, "buyers", buyers, stamp)
        _insert(connection, "point_accounts", accounts, stamp)

    await database.write(change)


async def stored(database: Database, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """Every row of a table, or those columns of it, sorted."""
    source = Row.metadata.tables[table]
    selected = [source.c[name] for name in columns] or list(source.columns)
    return sorted(tuple(row) for row in await database.rows(select(*selected)))


def _insert(connection: Connection, kind: str, things: Iterable[Any], stamp: Stamp) -> None:
    mapper = MAPPER_OF[kind]
    rows = [dict(zip(mapper.table.columns.keys(), mapper.row_of(thing, stamp), strict=True)) for thing in things]
    if rows:
        connection.execute(insert(mapper.table), rows)
