"""One concert, one performance, two fans: the rows that a booking's transaction decides on, in plain memory."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from application.event_listeners import LISTENERS
from application.ports.unit_of_work import Transaction
from application.work import Work
from domain.buyer import Buyer
from domain.concert import Performance, PerformanceStatus
from domain.ids import BuyerId, ConcertId, PerformanceId, ReservationId, SeatId, UserId
from domain.money import Won
from domain.point_account import PointAccount
from domain.queue_token import QueueToken
from domain.reservation import Reservation, ReservationStatus
from domain.seat import Seat

T = TypeVar("T")

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CONCERT = ConcertId(UUID(int=1))
PERFORMANCE = PerformanceId(CONCERT, UUID(int=2))
SEATS = tuple(SeatId(*PERFORMANCE, UUID(int=100 + number)) for number in range(6))
FAN, RIVAL = UserId(UUID(int=5)), UserId(UUID(int=6))
PRICE = Won(50_000)
PLACE = 42

_KIND_OF_SHARED = {"shared_performances": "performances", "shared_queues": "queues"}

KINDS = (
    "buyers",
    "reservations",
    "seats",
    "point_accounts",
    "payments",
    "tickets",
    "idempotency",
    "inbox",
    "handled_keys",
    "contacts",
    "orders",
    "errands",
    "top_ups",
    "ledger",
    "outbox",
    "notifications",
)


def reservation_id(number: int) -> ReservationId:
    return ReservationId(*PERFORMANCE, UUID(int=number))


def token(user_id: UserId = FAN, place: int = PLACE) -> QueueToken:
    return QueueToken(concert_id=CONCERT, user_id=user_id, lane="general", place=place, entered_at=NOW)


def performance(**changes: Any) -> Performance:
    facts: dict[str, Any] = {
        "id": PERFORMANCE,
        "venue": "올림픽홀",
        "starts_at": NOW + timedelta(days=8),
        "status": PerformanceStatus.ON_SALE,
        "title": "첫눈",
        "sales_open_at": NOW - timedelta(hours=1),
        "sales_close_at": NOW + timedelta(days=7),
        "purchase_limit": 4,
    }
    return Performance(**(facts | changes))


def buyer(user_id: UserId = FAN, place: int = PLACE) -> Buyer:
    return Buyer(id=BuyerId(CONCERT, user_id)).grant(place, NOW - timedelta(minutes=1))


def seat(seat_id: SeatId) -> Seat:
    return Seat(id=seat_id, section="A", row="1", number=1, grade="R", price=PRICE)


class Scene:
    """The rows there are, by kind and key; ``run`` lets one transaction decide on those it names, and keeps what it wrote."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Any, Any]] = {
            "performances": {PERFORMANCE: performance()},
            "buyers": {BuyerId(CONCERT, fan): buyer(fan) for fan in (FAN, RIVAL)},
            "seats": {seat_id: seat(seat_id) for seat_id in SEATS},
            "point_accounts": {fan: PointAccount(user_id=fan, balance=Won(300_000)) for fan in (FAN, RIVAL)},
        }
        self.now = NOW

    def hold(self, number: int, *seat_ids: SeatId, user_id: UserId = FAN, until: datetime = NOW + timedelta(minutes=5)) -> Reservation:
        reservation = Reservation(
            id=reservation_id(number),
            user_id=user_id,
            seat_ids=seat_ids,
            total_price=Won(PRICE * len(seat_ids)),
            status=ReservationStatus.PENDING,
            expires_at=until,
            pass_place=PLACE,
            created_at=NOW,
        )
        self.rows.setdefault("reservations", {})[reservation.id] = reservation
        for seat_id in seat_ids:
            self.rows["seats"][seat_id] = self.rows["seats"][seat_id].hold(reservation.id, until)
        owner = self.rows["buyers"][reservation.buyer_id]
        self.rows["buyers"][reservation.buyer_id] = owner.hold(reservation.id, len(seat_ids), until)
        return reservation

    def decide(self, transaction: Transaction[T]) -> tuple[T, Work]:
        """The decision and all that its before-commit listeners add to it; nothing is kept."""
        needs = transaction.needs()
        named: dict[str, set[Any]] = {}
        for field in fields(needs):
            if field.name != "shard":
                named.setdefault(_KIND_OF_SHARED.get(field.name, field.name), set()).update(getattr(needs, field.name))
        for reservation in (self.rows.get("reservations", {}).get(key) for key in named["reservations"]):
            named["seats"].update(reservation.seat_ids if reservation else ())
        work = Work(now=self.now, loaded=self.rows, named=named)
        result = transaction.decide(work)
        for event in work.events:
            for listener in LISTENERS[type(event)].before_commit:
                listener(event, work)
        return result, work

    def run(self, transaction: Transaction[T]) -> T:
        result, work = self.decide(transaction)
        for kind in KINDS:
            rows = getattr(work, kind)
            self.rows.setdefault(kind, {}).update(rows.added | rows.changed)
        return result

    def all(self, kind: str) -> list[Any]:
        return list(self.rows.get(kind, {}).values())
