"""What a transaction decides on: the rows it named, as they are under their locks, and what it makes of them.

Plain memory. Each transaction of a group has its own ``Work`` over the group's rows, so that a refused one is dropped
by dropping its ``Work``.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any, Generic, TypeVar
from uuid import UUID

from domain.buyer import Buyer
from domain.concert import Performance
from domain.concert_queue import ConcertQueue
from domain.contact import Contact
from domain.errors import NotNeeded, PerformanceNotFound, ReservationNotFound
from domain.events import Event
from domain.gateway_errand import ErrandId, GatewayErrand
from domain.idempotency import IdempotencyKey, IdempotencyRecord
from domain.ids import (
    BuyerId,
    ConcertId,
    LedgerEntryId,
    MessageId,
    NotificationId,
    PaymentId,
    PerformanceId,
    ReservationId,
    SeatId,
    TicketId,
    TopUpId,
    UserId,
)
from domain.message import LastHandled, OutboxMessage
from domain.notification import Notification
from domain.payment import Payment
from domain.payment_order import OrderKey, PaymentOrder
from domain.point_account import PointAccount, PointLedgerEntry
from domain.reservation import Reservation
from domain.seat import Seat
from domain.ticket import Ticket
from domain.top_up import TopUp

K = TypeVar("K")
V = TypeVar("V")
W = TypeVar("W")
P = TypeVar("P")


class Rows(Generic[K, V]):
    """The rows of one kind: those named and locked, overlaid with what this transaction changed and added."""

    __slots__ = ("_key_of", "_kind", "_loaded", "_named", "added", "changed")

    def __init__(self, kind: str, key_of: Callable[[V], K], loaded: Mapping[K, V], named: Collection[K]) -> None:
        self._kind = kind
        self._key_of = key_of
        self._loaded = loaded
        self._named = named
        self.added: dict[K, V] = {}
        self.changed: dict[K, V] = {}

    def find(self, key: K) -> V | None:
        """The row as this transaction left it, or None where there is none. Raises NotNeeded for a key not named."""
        if self.changed and key in self.changed:
            return self.changed[key]
        if self.added and key in self.added:
            return self.added[key]
        if key not in self._named:
            raise NotNeeded(f"{self._kind} {key} was not named in needs()")
        return self._loaded.get(key)

    def get(self, key: K) -> V:
        """The row; KeyError where there is none (where that is a refusal, the kind has a method of its own)."""
        if (row := self.find(key)) is None:
            raise KeyError(f"no {self._kind} {key}")
        return row

    def change(self, row: V) -> None:
        """The successor of a row that was named, locked and found."""
        key = self._key_of(row)
        if self.added and key in self.added:
            self.added[key] = row
            return
        if key not in self._named or key not in self._loaded:
            raise NotNeeded(f"{self._kind} {key} was not named in needs(), or does not exist")
        self.changed[key] = row

    def add(self, row: V) -> None:
        """A new row. That its key, and whatever else is unique, is free has the database's word at the end."""
        self.added[self._key_of(row)] = row

    def save(self, row: V) -> None:
        """Change it where it was found, add it where it was named and not found."""
        if self.find(self._key_of(row)) is None:
            self.add(row)
        else:
            self.change(row)

    def written(self) -> Iterator[V]:
        yield from self.added.values()
        yield from self.changed.values()


class Performances(Rows[PerformanceId, Performance]):
    __slots__ = ()

    def on_offer(self, key: PerformanceId) -> Performance:
        """Raises PerformanceNotFound."""
        if (performance := self.find(key)) is None:
            raise PerformanceNotFound
        return performance


class Buyers(Rows[BuyerId, Buyer]):
    __slots__ = ()

    def of(self, key: BuyerId) -> Buyer:
        """A person who was never admitted is a buyer without a pass."""
        return self.find(key) or Buyer(id=key)


class Reservations(Rows[ReservationId, Reservation]):
    __slots__ = ()

    def of(self, user_id: UserId, key: ReservationId) -> Reservation:
        """One's own; another's is as good as none. Raises ReservationNotFound."""
        reservation = self.find(key)
        if reservation is None or reservation.user_id != user_id:
            raise ReservationNotFound
        return reservation


class PointAccounts(Rows[UserId, PointAccount]):
    __slots__ = ()

    def of(self, user_id: UserId) -> PointAccount:
        """Everyone has an account; it gets a row with its first won."""
        return self.find(user_id) or PointAccount(user_id=user_id)


class Idempotency(Rows[IdempotencyKey, IdempotencyRecord]):
    __slots__ = ()

    def earlier_result(self, key: IdempotencyKey, fingerprint: bytes) -> tuple[UUID, ...] | None:
        """What the first request with this key made. Raises IdempotencyConflict."""
        record = self.find(key)
        return None if record is None else record.result_for(fingerprint)


Snapshot = Mapping[str, Mapping[Any, Any]]
"""The rows of a group under their locks: kind → key → row. Kinds are the attribute names of ``Work``."""

Named = Mapping[str, Collection[Any]]
"""The keys one transaction named, and those of the seats its reservations brought along: kind → keys."""


_ID = attrgetter("id")
_CONCERT_ID = attrgetter("concert_id")
_USER_ID = attrgetter("user_id")
_KEY = attrgetter("key")


def _itself(row: K) -> K:
    return row


class _on_first_use(Generic[W, P]):  # noqa: N801, a decorator
    """As ``functools.cached_property``, without its lock: a work belongs to one thread, and is made for every transaction."""

    def __init__(self, make: Callable[[W], P]) -> None:
        self._make = make

    def __set_name__(self, owner: type[W], name: str) -> None:
        self._name = name

    def __get__(self, work: W, owner: type[W]) -> P:
        made = work.__dict__[self._name] = self._make(work)
        return made


class Work:
    """One typed collection per kind, the time under the locks, and the events raised. Collections are made on first use."""

    def __init__(self, *, now: datetime, loaded: Snapshot, named: Named) -> None:
        self.now = now
        self.events: list[Event] = []
        self._loaded = loaded
        self._named = named

    @_on_first_use
    def queues(self) -> Rows[ConcertId, ConcertQueue]:
        return Rows("queue", _CONCERT_ID, *self._part("queues"))

    @_on_first_use
    def performances(self) -> Performances:
        return Performances("performance", _ID, *self._part("performances"))

    @_on_first_use
    def buyers(self) -> Buyers:
        return Buyers("buyer", _ID, *self._part("buyers"))

    @_on_first_use
    def reservations(self) -> Reservations:
        return Reservations("reservation", _ID, *self._part("reservations"))

    @_on_first_use
    def seats(self) -> Rows[SeatId, Seat]:
        return Rows("seat", _ID, *self._part("seats"))

    @_on_first_use
    def point_accounts(self) -> PointAccounts:
        return PointAccounts("point account", _USER_ID, *self._part("point_accounts"))

    @_on_first_use
    def payments(self) -> Rows[PaymentId, Payment]:
        return Rows("payment", _ID, *self._part("payments"))

    @_on_first_use
    def tickets(self) -> Rows[TicketId, Ticket]:
        return Rows("ticket", _ID, *self._part("tickets"))

    @_on_first_use
    def idempotency(self) -> Idempotency:
        return Idempotency("idempotency record", _KEY, *self._part("idempotency"))

    @_on_first_use
    def inbox(self) -> Rows[MessageId, MessageId]:
        return Rows("inbox entry", _itself, *self._part("inbox"))

    @_on_first_use
    def handled_keys(self) -> Rows[UUID, LastHandled]:
        return Rows("handled key", _KEY, *self._part("handled_keys"))

    @_on_first_use
    def contacts(self) -> Rows[UserId, Contact]:
        return Rows("contact", _USER_ID, *self._part("contacts"))

    @_on_first_use
    def orders(self) -> Rows[OrderKey, PaymentOrder]:
        return Rows("payment order", _KEY, *self._part("orders"))

    @_on_first_use
    def top_ups(self) -> Rows[TopUpId, TopUp]:
        return Rows("top-up", _ID, *self._part("top_ups"))

    @_on_first_use
    def errands(self) -> Rows[ErrandId, GatewayErrand]:
        return Rows("gateway errand", _ID, *self._part("errands"))

    @_on_first_use
    def ledger(self) -> Rows[LedgerEntryId, PointLedgerEntry]:
        return Rows("ledger entry", _ID, {}, ())

    @_on_first_use
    def outbox(self) -> Rows[MessageId, OutboxMessage]:
        return Rows("outbox message", _ID, {}, ())

    @_on_first_use
    def notifications(self) -> Rows[NotificationId, Notification]:
        return Rows("notification", _ID, {}, ())

    def used(self) -> Iterator[tuple[str, Rows[Any, Any]]]:
        """The collections that were looked at, by kind: whatever was written is among them."""
        return ((kind, rows) for kind, rows in vars(self).items() if isinstance(rows, Rows))

    def _part(self, kind: str) -> tuple[Mapping[Any, Any], Collection[Any]]:
        return self._loaded.get(kind, {}), self._named.get(kind, ())

    def raise_event(self, event: Event) -> None:
        self.events.append(event)

    def remember(self, key: IdempotencyKey, fingerprint: bytes, result: tuple[UUID, ...]) -> None:
        """The result under its key, in the effect's own transaction."""
        self.idempotency.add(IdempotencyRecord(key=key, fingerprint=fingerprint, result=result, created_at=self.now))

    def seats_of(self, reservation: Reservation) -> tuple[Seat, ...]:
        """The seats that a named reservation brought along."""
        return tuple(self.seats.get(seat_id) for seat_id in reservation.seat_ids)
