"""What the fans saw: the evidence by which the sale is judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

SOLD = "sold"
CONFIRMED = "CONFIRMED"


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldTicket:
    code: str
    seat_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A reservation as its owner reads it at the end. Won."""

    id: str
    status: str
    total_price: int
    seat_ids: tuple[str, ...]
    tickets: tuple[SoldTicket, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A fan's points, bookings and ledger (signed amounts) at the end."""

    points: int
    bookings: tuple[Booking, ...]
    ledger: tuple[int, ...]

    @property
    def paid(self) -> tuple[Booking, ...]:
        return tuple(booking for booking in self.bookings if booking.status == CONFIRMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """A place in line, and between which moments of this machine's clock it was given."""

    number: str
    sent_at: float
    answered_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The first ACTIVE that a fan was shown: the server's ``as_of``, and until when the pass is good."""

    as_of: datetime
    expires_at: datetime | None


@dataclass(slots=True, kw_only=True)
class FanRecord:
    """One fan's evening. ``outcome`` is SOLD or the reason why not; ``fault`` says what should never have stopped them."""

    index: int
    outcome: str = ""
    fault: str | None = None
    joining: Joining | None = None
    numbers: set[str] = field(default_factory=set)
    last_waiting: datetime | None = None
    admission: Admission | None = None
    interrupted: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    points_before: int | None = None
    handed_codes: frozenset[str] = frozenset()
    payments: list[str] = field(default_factory=list)
    """The payment each `pay` with this fan's one idempotency key answered."""
    account: Account | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSeat:
    status: str
    price: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    fans: Sequence[FanRecord]
    seat_map: Mapping[str, MapSeat]

    @property
    def accounts(self) -> list[tuple[FanRecord, Account]]:
        return [(fan, fan.account) for fan in self.fans if fan.account is not None]

    @property
    def tickets(self) -> list[SoldTicket]:
        """Those of paid reservations: a cancelled one's are void."""
        return [ticket for _, account in self.accounts for booking in account.paid for ticket in booking.tickets]
