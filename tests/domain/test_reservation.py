from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.errors import NotCancellable, ReservationAlreadyPaid, ReservationExpired, Stale
from domain.ids import BuyerId, ConcertId, PaymentId, ReservationId, SeatId, UserId
from domain.money import Won
from domain.reservation import Reservation, ReservationStatus

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CONCERT, PERFORMANCE = ConcertId(UUID(int=1)), UUID(int=2)
FAN = UserId(UUID(int=5))
PAYMENT = PaymentId(CONCERT, PERFORMANCE, UUID(int=7))
PENDING = Reservation(
    id=ReservationId(CONCERT, PERFORMANCE, UUID(int=10)),
    user_id=FAN,
    seat_ids=(SeatId(CONCERT, PERFORMANCE, UUID(int=3)),),
    total_price=Won(150_000),
    status=ReservationStatus.PENDING,
    expires_at=NOW + timedelta(minutes=5),
    pass_place=42,
    created_at=NOW,
)


def test_it_belongs_to_the_buyer_of_its_concert() -> None:
    assert PENDING.buyer_id == BuyerId(CONCERT, FAN)


def test_a_hold_is_payable_until_it_runs_out_and_not_in_that_moment() -> None:
    PENDING.ensure_payable(PENDING.expires_at - timedelta(microseconds=1))
    with pytest.raises(ReservationExpired):
        PENDING.ensure_payable(PENDING.expires_at)


def test_a_paid_reservation_is_not_paid_again_and_says_by_what_it_was() -> None:
    with pytest.raises(ReservationAlreadyPaid) as refused:
        PENDING.confirm(PAYMENT).ensure_payable(NOW)
    assert refused.value.payment_id == PAYMENT


def test_a_hold_expires_when_it_has_run_out_and_only_once() -> None:
    with pytest.raises(Stale):
        PENDING.expire(PENDING.expires_at - timedelta(microseconds=1))
    expired = PENDING.expire(PENDING.expires_at)
    assert expired.status is ReservationStatus.EXPIRED
    with pytest.raises(Stale):
        expired.expire(PENDING.expires_at)


def test_a_paid_reservation_never_expires() -> None:
    with pytest.raises(Stale):
        PENDING.confirm(PAYMENT).expire(NOW + timedelta(days=1))


@pytest.mark.parametrize("status", [ReservationStatus.PENDING, ReservationStatus.CONFIRMED, ReservationStatus.CANCELLING])
def test_what_is_held_or_owned_can_be_cancelled(status: ReservationStatus) -> None:
    assert replace(PENDING, status=status).cancel().status is ReservationStatus.CANCELLED


@pytest.mark.parametrize("status", [ReservationStatus.CANCELLED, ReservationStatus.EXPIRED])
def test_what_has_ended_can_not(status: ReservationStatus) -> None:
    with pytest.raises(NotCancellable):
        replace(PENDING, status=status).cancel()


def test_its_messages_are_numbered() -> None:
    assert PENDING.tell().tell().sequence == 2
