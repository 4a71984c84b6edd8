from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.errors import ReservationExpired, SeatsUnavailable
from domain.ids import ConcertId, ReservationId, SeatId
from domain.money import Won
from domain.seat import Seat, SeatStatus

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CONCERT, PERFORMANCE = ConcertId(UUID(int=1)), UUID(int=2)
MINE, THEIRS = (ReservationId(CONCERT, PERFORMANCE, UUID(int=number)) for number in (10, 11))
FREE = Seat(id=SeatId(CONCERT, PERFORMANCE, UUID(int=3)), section="A", row="1", number=1, grade="VIP", price=Won(150_000))


def test_a_free_seat_is_held_until_a_moment() -> None:
    held = FREE.hold(MINE, NOW)
    assert (held.status, held.reservation_id, held.held_until) == (SeatStatus.HELD, MINE, NOW)
    assert FREE.status is SeatStatus.AVAILABLE


def test_a_held_seat_is_not_held_again_even_if_its_hold_has_run_out() -> None:
    held = FREE.hold(MINE, NOW - timedelta(hours=1))
    with pytest.raises(SeatsUnavailable) as refused:
        held.hold(THEIRS, NOW)
    assert refused.value.seat_ids == (FREE.id,)


def test_a_seat_is_sold_to_its_holder_only() -> None:
    held = FREE.hold(MINE, NOW)
    with pytest.raises(ReservationExpired):
        held.confirm(THEIRS)
    sold = held.confirm(MINE)
    assert (sold.status, sold.reservation_id, sold.held_until) == (SeatStatus.SOLD, MINE, None)


def test_a_seat_is_not_sold_twice_to_the_same_reservation() -> None:
    with pytest.raises(ReservationExpired):
        FREE.hold(MINE, NOW).confirm(MINE).confirm(MINE)


def test_a_seat_is_released_by_its_holder_and_by_nobody_else() -> None:
    held = FREE.hold(MINE, NOW)
    assert held.release(THEIRS) is held
    assert held.release(MINE) == FREE


@pytest.mark.parametrize(("seconds", "status"), [(-1, SeatStatus.HELD), (0, SeatStatus.AVAILABLE), (1, SeatStatus.AVAILABLE)])
def test_a_hold_that_has_run_out_looks_free_to_a_fan(seconds: int, status: SeatStatus) -> None:
    held = FREE.hold(MINE, NOW)
    assert held.status_at(NOW + timedelta(seconds=seconds)) is status


def test_a_sold_seat_never_looks_free() -> None:
    assert FREE.hold(MINE, NOW).confirm(MINE).status_at(NOW + timedelta(days=9)) is SeatStatus.SOLD
