"""Concerts, their performances and the venues these take place in."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.errors import NotCancellable, QueueTokenInvalid, QueueTokenProblem, SalesClosed, SalesClosedReason, SalesNotOpen
from domain.ids import ConcertId, PerformanceId
from domain.money import Won


class PerformanceStatus(StrEnum):
    ON_SALE = "ON_SALE"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Concert:
    """A title that is sold in one sale: one queue, one purchase limit, one or more performances."""

    id: ConcertId
    title: str
    artist: str
    queue_opens_at: datetime
    sales_open_at: datetime
    sales_close_at: datetime
    purchase_limit: int = 4

    def ensure_queue_open(self, now: datetime) -> None:
        if now < self.queue_opens_at:
            raise SalesNotOpen(self.sales_open_at)
        if now >= self.sales_close_at:
            raise SalesClosed(SalesClosedReason.ENDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """One evening of a concert, with the terms of its sale: what a booking relies on but does not change."""

    id: PerformanceId
    venue: str
    starts_at: datetime
    status: PerformanceStatus
    title: str
    sales_open_at: datetime
    sales_close_at: datetime
    purchase_limit: int

    def ensure_on_sale(self, now: datetime) -> None:
        """Raises SalesClosed; before the sale opens nobody is admitted, whatever token they show."""
        if self.status is PerformanceStatus.CANCELLED:
            raise SalesClosed(SalesClosedReason.CANCELLED)
        if now < self.sales_open_at:
            raise QueueTokenInvalid(QueueTokenProblem.NOT_ADMITTED)
        if now >= self.sales_close_at:
            raise SalesClosed(SalesClosedReason.ENDED)

    def ensure_refundable(self, now: datetime) -> None:
        """A ticket goes back before the show starts, not after."""
        if now >= self.starts_at:
            raise NotCancellable


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A block of equal rows: ``rows`` × ``seats_per_row`` places of one grade and price (won)."""

    name: str
    rows: int
    seats_per_row: int
    grade: str
    price: Won


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a seat stands and what it costs (won)."""

    section: str
    row: str
    number: int
    grade: str
    price: Won


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    name: str
    sections: tuple[Section, ...]

    @property
    def size(self) -> int:
        return sum(section.rows * section.seats_per_row for section in self.sections)

    def places(self) -> Iterator[Place]:
        """Every place of the hall, front to back."""
        for section in self.sections:
            for row in range(1, section.rows + 1):
                for number in range(1, section.seats_per_row + 1):
                    yield Place(section=section.name, row=str(row), number=number, grade=section.grade, price=section.price)
