from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.concert import Concert, Performance, PerformanceStatus, Section, Venue
from domain.errors import NotCancellable, QueueTokenInvalid, QueueTokenProblem, SalesClosed, SalesClosedReason, SalesNotOpen
from domain.ids import ConcertId, PerformanceId
from domain.money import Won

OPEN = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLOSE = OPEN + timedelta(days=7)
SHOW = OPEN + timedelta(days=8)
MOMENT = timedelta(microseconds=1)
CONCERT = Concert(
    id=ConcertId(UUID(int=1)),
    title="첫눈",
    artist="가수",
    queue_opens_at=OPEN - timedelta(minutes=30),
    sales_open_at=OPEN,
    sales_close_at=CLOSE,
)
PERFORMANCE = Performance(
    id=PerformanceId(CONCERT.id, UUID(int=2)),
    venue="올림픽홀",
    starts_at=SHOW,
    status=PerformanceStatus.ON_SALE,
    title=CONCERT.title,
    sales_open_at=OPEN,
    sales_close_at=CLOSE,
    purchase_limit=4,
)


def test_the_queue_opens_and_closes_to_the_moment() -> None:
    with pytest.raises(SalesNotOpen) as early:
        CONCERT.ensure_queue_open(CONCERT.queue_opens_at - MOMENT)
    assert early.value.sales_open_at == OPEN
    CONCERT.ensure_queue_open(CONCERT.queue_opens_at)
    CONCERT.ensure_queue_open(CLOSE - MOMENT)
    with pytest.raises(SalesClosed) as late:
        CONCERT.ensure_queue_open(CLOSE)
    assert late.value.reason is SalesClosedReason.ENDED


def test_seats_are_sold_between_opening_and_closing() -> None:
    with pytest.raises(QueueTokenInvalid) as early:
        PERFORMANCE.ensure_on_sale(OPEN - MOMENT)
    assert early.value.reason is QueueTokenProblem.NOT_ADMITTED
    PERFORMANCE.ensure_on_sale(OPEN)
    PERFORMANCE.ensure_on_sale(CLOSE - MOMENT)
    with pytest.raises(SalesClosed) as late:
        PERFORMANCE.ensure_on_sale(CLOSE)
    assert late.value.reason is SalesClosedReason.ENDED


def test_a_cancelled_performance_sells_nothing() -> None:
    with pytest.raises(SalesClosed) as refused:
        replace(PERFORMANCE, status=PerformanceStatus.CANCELLED).ensure_on_sale(OPEN)
    assert refused.value.reason is SalesClosedReason.CANCELLED


def test_tickets_go_back_until_the_show_starts() -> None:
    PERFORMANCE.ensure_refundable(SHOW - MOMENT)
    with pytest.raises(NotCancellable):
        PERFORMANCE.ensure_refundable(SHOW)


def test_a_venue_lists_every_place_front_to_back() -> None:
    venue = Venue(
        name="올림픽홀",
        sections=(
            Section(name="A", rows=2, seats_per_row=2, grade="VIP", price=Won(150_000)),
            Section(name="B", rows=1, seats_per_row=1, grade="R", price=Won(90_000)),
        ),
    )
    places = [(place.section, place.row, place.number, place.grade, place.price) for place in venue.places()]
    assert places == [
        ("A", "1", 1, "VIP", 150_000),
        ("A", "1", 2, "VIP", 150_000),
        ("A", "2", 1, "VIP", 150_000),
        ("A", "2", 2, "VIP", 150_000),
        ("B", "1", 1, "R", 90_000),
    ]
    assert venue.size == 5
