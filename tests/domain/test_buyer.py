from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.buyer import PASS_DURATION, PAYING_TIME, Buyer, PassEnd
from domain.errors import HoldAlreadyOpen, PurchaseLimitExceeded, QueueTokenInvalid, QueueTokenProblem, Stale
from domain.ids import BuyerId, ConcertId, ReservationId, UserId

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
OVER = NOW + PASS_DURATION
CONCERT = ConcertId(UUID(int=1))
NOBODY = Buyer(id=BuyerId(CONCERT, UserId(UUID(int=2))))
ADMITTED = NOBODY.grant(100, NOW)
RESERVATION = ReservationId(CONCERT, UUID(int=3), UUID(int=4))


def refusal(buyer: Buyer, place: int, now: datetime) -> QueueTokenProblem:
    with pytest.raises(QueueTokenInvalid) as refused:
        buyer.ensure_admitted(place, now)
    return refused.value.reason


def test_a_granted_pass_lives_ten_minutes() -> None:
    ADMITTED.ensure_admitted(100, LATER)
    assert ADMITTED.has_live_pass(OVER - timedelta(microseconds=1))
    assert not ADMITTED.has_live_pass(OVER)
    assert refusal(ADMITTED, 100, OVER) is QueueTokenProblem.EXPIRED


def test_granting_twice_or_an_older_place_late_changes_nothing() -> None:
    assert ADMITTED.grant(100, LATER) is ADMITTED
    assert ADMITTED.grant(99, LATER) is ADMITTED


def test_a_place_that_was_left_is_not_granted() -> None:
    left = NOBODY.leave(100)
    assert left.grant(100, NOW) is left
    assert not left.has_live_pass(NOW)
    assert left.grant(101, NOW).has_live_pass(NOW)


def test_a_later_place_opens_a_new_pass_and_keeps_the_counts() -> None:
    bought = ADMITTED.hold(RESERVATION, 2, LATER).buy(RESERVATION, 2, under=100)
    again = bought.grant(200, LATER)
    assert (again.pass_place, again.ended, again.deadline, again.bought) == (200, None, LATER + PASS_DURATION, 2)
    assert refusal(again, 100, LATER) is QueueTokenProblem.EXPIRED


@pytest.mark.parametrize(
    ("buyer", "place", "now", "expected"),
    [
        (NOBODY, 100, NOW, QueueTokenProblem.NOT_ADMITTED),
        (ADMITTED, 101, NOW, QueueTokenProblem.NOT_ADMITTED),
        (NOBODY.leave(100), 100, NOW, QueueTokenProblem.LEFT),
        (ADMITTED.leave(100), 100, NOW, QueueTokenProblem.LEFT),
        (ADMITTED.end_pass(100, PassEnd.USED), 100, NOW, QueueTokenProblem.USED),
        (ADMITTED.end_pass(100, PassEnd.TAKEN_BACK), 100, NOW, QueueTokenProblem.NOT_ADMITTED),
        (ADMITTED, 99, NOW, QueueTokenProblem.EXPIRED),
    ],
)
def test_a_pass_that_does_not_live_says_why(buyer: Buyer, place: int, now: datetime, expected: QueueTokenProblem) -> None:
    assert refusal(buyer, place, now) is expected


@pytest.mark.parametrize(
    ("buyer", "place", "now", "expected"),
    [
        (NOBODY, 100, NOW, None),
        (ADMITTED, 100, NOW, None),
        (ADMITTED, 101, NOW, None),
        (ADMITTED, 100, OVER, PassEnd.EXPIRED),
        (ADMITTED, 99, NOW, PassEnd.EXPIRED),
        (ADMITTED.end_pass(100, PassEnd.USED), 100, NOW, PassEnd.USED),
        (ADMITTED.leave(100), 100, NOW, PassEnd.LEFT),
        (NOBODY.leave(100), 100, NOW, PassEnd.LEFT),
        (ADMITTED.leave(150), 150, NOW, PassEnd.LEFT),
        (ADMITTED.leave(150), 100, NOW, PassEnd.LEFT),
    ],
)
def test_how_a_place_ended(buyer: Buyer, place: int, now: datetime, expected: PassEnd | None) -> None:
    assert buyer.end_of(place, now) is expected


def test_a_pass_ends_once_and_no_other_with_it() -> None:
    used = ADMITTED.end_pass(100, PassEnd.USED)
    assert used.end_pass(100, PassEnd.EXPIRED) is used
    assert ADMITTED.end_pass(99, PassEnd.USED) is ADMITTED


def test_only_a_pass_past_its_deadline_runs_out() -> None:
    assert ADMITTED.run_out(OVER).ended is PassEnd.EXPIRED
    assert ADMITTED.run_out(OVER - timedelta(microseconds=1)) is ADMITTED
    used = ADMITTED.end_pass(100, PassEnd.USED)
    assert used.run_out(OVER) is used
    assert NOBODY.run_out(OVER) is NOBODY


def test_leaving_once_ends_all_that_was_reached_by_then() -> None:
    left = ADMITTED.leave(200)
    assert (left.ended, left.highest_spent_place) == (PassEnd.LEFT, 200)
    assert ADMITTED.leave(99) == ADMITTED


def test_a_hold_extends_the_pass_for_paying_but_not_the_time_for_new_holds() -> None:
    ends = OVER - timedelta(seconds=1)
    held = ADMITTED.hold(RESERVATION, 2, ends)
    assert (held.deadline, held.first_deadline, held.held) == (ends + PAYING_TIME, OVER, 2)
    with pytest.raises(QueueTokenInvalid):
        held.release(RESERVATION, 2).ensure_may_hold(1, 4, OVER)


def test_one_open_hold_at_a_time() -> None:
    held = ADMITTED.hold(RESERVATION, 1, LATER)
    with pytest.raises(HoldAlreadyOpen) as refused:
        held.ensure_may_hold(1, 4, NOW)
    assert refused.value.reservation_id == RESERVATION
    with pytest.raises(Stale):
        held.ensure_may_hold(1, 4, LATER)


def test_no_more_seats_than_the_limit_held_and_bought_together() -> None:
    bought = ADMITTED.hold(RESERVATION, 3, LATER).buy(RESERVATION, 3, under=100).grant(200, NOW)
    bought.ensure_may_hold(1, 4, NOW)
    with pytest.raises(PurchaseLimitExceeded) as refused:
        bought.ensure_may_hold(2, 4, NOW)
    assert (refused.value.limit, refused.value.remaining) == (4, 1)


def test_paying_ends_the_pass_under_which_the_seats_were_held_and_no_other() -> None:
    paid = ADMITTED.hold(RESERVATION, 2, LATER).buy(RESERVATION, 2, under=100)
    assert (paid.ended, paid.held, paid.bought, paid.open_reservation_id) == (PassEnd.USED, 0, 2, None)
    newer = ADMITTED.hold(RESERVATION, 2, LATER).grant(200, LATER).buy(RESERVATION, 2, under=100)
    assert newer.ended is None


def test_releasing_an_older_hold_leaves_the_open_one() -> None:
    another = RESERVATION._replace(reservation=UUID(int=5))
    held = ADMITTED.hold(RESERVATION, 2, LATER)
    assert held.release(another, 1).open_reservation_id == RESERVATION
    assert held.release(RESERVATION, 2).open_reservation_id is None


def test_a_refund_frees_the_limit() -> None:
    assert ADMITTED.hold(RESERVATION, 4, LATER).buy(RESERVATION, 4, under=100).refund(4).bought == 0
