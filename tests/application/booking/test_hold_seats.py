from datetime import timedelta
from uuid import UUID

import pytest

from application.booking.hold_seats import HoldSeatsCommand, HoldSeatsForBuyer
from domain.contact import Contact
from domain.errors import (
    HoldAlreadyOpen,
    IdempotencyConflict,
    PerformanceNotFound,
    PurchaseLimitExceeded,
    QueueTokenInvalid,
    QueueTokenProblem,
    SalesClosed,
    SeatsUnavailable,
    Stale,
)
from domain.ids import BuyerId, SeatId, UserId
from domain.queue_token import ShownToken
from domain.reservation import Reservation, ReservationStatus
from domain.seat import SeatStatus
from tests.application.booking.scene import (
    CONCERT,
    FAN,
    NOW,
    PERFORMANCE,
    PLACE,
    RIVAL,
    SEATS,
    Scene,
    buyer,
    performance,
    reservation_id,
    token,
)

HOLD = timedelta(minutes=5)


def holding(
    *seat_ids: SeatId,
    number: int = 10,
    user_id: UserId = FAN,
    shown: ShownToken | None = None,
    key: str = "k",
    overdue: tuple[Reservation, ...] = (),
    phone: str | None = None,
) -> HoldSeatsForBuyer:
    command = HoldSeatsCommand(
        user_id=user_id, performance_id=PERFORMANCE, seat_ids=seat_ids, queue_token="", idempotency_key=key, phone=phone
    )
    return HoldSeatsForBuyer(
        command=command, shown_token=shown or token(user_id), reservation_id=reservation_id(number), duration=HOLD, overdue=overdue
    )


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_holding_reserves_the_seats_for_five_minutes_and_extends_the_pass_beyond_that(scene: Scene) -> None:
    made = scene.run(holding(*SEATS[:2]))

    reservation = scene.rows["reservations"][made]
    assert (reservation.status, reservation.expires_at, reservation.total_price) == (ReservationStatus.PENDING, NOW + HOLD, 100_000)
    assert (reservation.seat_ids, reservation.pass_place) == (SEATS[:2], PLACE)
    assert [scene.rows["seats"][seat_id].reservation_id for seat_id in SEATS[:3]] == [made, made, None]
    owner = scene.rows["buyers"][BuyerId(CONCERT, FAN)]
    assert (owner.held, owner.open_reservation_id, owner.deadline) == (2, made, NOW + timedelta(minutes=9))


def test_a_hold_late_in_the_pass_keeps_the_pass_open_for_paying(scene: Scene) -> None:
    scene.now = NOW + timedelta(minutes=8)
    scene.run(holding(SEATS[0]))
    owner = scene.rows["buyers"][BuyerId(CONCERT, FAN)]
    assert owner.deadline == scene.now + HOLD + timedelta(seconds=30)
    assert owner.first_deadline == NOW + timedelta(minutes=9)


def test_no_new_hold_after_the_first_deadline_even_if_the_pass_was_extended(scene: Scene) -> None:
    scene.now = NOW + timedelta(minutes=8)
    scene.run(holding(SEATS[0]))
    scene.now = NOW + timedelta(minutes=9)
    with pytest.raises(QueueTokenInvalid) as refused:
        scene.decide(holding(SEATS[1], number=11, key="again"))
    assert refused.value.reason is QueueTokenProblem.EXPIRED


def test_all_of_the_seats_or_none(scene: Scene) -> None:
    scene.hold(11, SEATS[1], user_id=RIVAL)
    with pytest.raises(SeatsUnavailable) as refused:
        scene.run(holding(*SEATS[:3]))
    assert refused.value.seat_ids == (SEATS[1],)
    assert scene.rows["seats"][SEATS[0]].status is SeatStatus.AVAILABLE


def test_a_seat_that_does_not_exist_is_unavailable(scene: Scene) -> None:
    ghost = SeatId(*PERFORMANCE, UUID(int=999))
    with pytest.raises(SeatsUnavailable) as refused:
        scene.decide(holding(SEATS[0], ghost))
    assert refused.value.seat_ids == (ghost,)


def test_one_open_hold_at_a_time(scene: Scene) -> None:
    scene.hold(11, SEATS[3])
    with pytest.raises(HoldAlreadyOpen) as refused:
        scene.decide(holding(SEATS[0]))
    assert refused.value.reservation_id == reservation_id(11)


def test_no_more_than_four_seats_a_person_bought_ones_counted(scene: Scene) -> None:
    with pytest.raises(PurchaseLimitExceeded) as refused:
        scene.decide(holding(*SEATS[:5]))
    assert (refused.value.limit, refused.value.remaining) == (4, 4)
    owner = scene.rows["buyers"][BuyerId(CONCERT, FAN)]
    scene.rows["buyers"][owner.id] = owner.refund(-3)
    with pytest.raises(PurchaseLimitExceeded) as refused:
        scene.decide(holding(*SEATS[:2]))
    assert (refused.value.limit, refused.value.remaining) == (4, 1)


@pytest.mark.parametrize(
    ("shown", "problem"),
    [
        (QueueTokenProblem.MALFORMED, QueueTokenProblem.MALFORMED),
        (token(RIVAL), QueueTokenProblem.WRONG_USER),
        (token(FAN, PLACE + 1), QueueTokenProblem.NOT_ADMITTED),
    ],
)
def test_only_the_admitted_hold(scene: Scene, shown: ShownToken, problem: QueueTokenProblem) -> None:
    with pytest.raises(QueueTokenInvalid) as refused:
        scene.decide(holding(SEATS[0], shown=shown))
    assert refused.value.reason is problem


def test_a_person_without_a_buyer_row_is_not_admitted(scene: Scene) -> None:
    del scene.rows["buyers"][BuyerId(CONCERT, FAN)]
    with pytest.raises(QueueTokenInvalid) as refused:
        scene.decide(holding(SEATS[0]))
    assert refused.value.reason is QueueTokenProblem.NOT_ADMITTED


def test_a_hold_that_ran_out_since_it_was_looked_at_is_looked_up_anew(scene: Scene) -> None:
    scene.hold(11, SEATS[0], user_id=RIVAL, until=NOW)
    with pytest.raises(Stale):
        scene.decide(holding(SEATS[0]))


def test_a_seat_whose_hold_has_run_out_is_taken_over_and_its_first_owner_loses_hold_and_count(scene: Scene) -> None:
    late = scene.hold(11, SEATS[0], SEATS[1], user_id=RIVAL, until=NOW)
    made = scene.run(holding(SEATS[0], overdue=(late,)))

    assert scene.rows["seats"][SEATS[0]].reservation_id == made
    assert scene.rows["seats"][SEATS[1]].status is SeatStatus.AVAILABLE
    assert scene.rows["reservations"][late.id].status is ReservationStatus.EXPIRED
    rival = scene.rows["buyers"][BuyerId(CONCERT, RIVAL)]
    assert (rival.held, rival.open_reservation_id) == (0, None)


def test_who_was_overdue_when_found_but_has_paid_since_keeps_the_seat(scene: Scene) -> None:
    found = scene.hold(11, SEATS[0], user_id=RIVAL, until=NOW)
    seat = scene.rows["seats"][SEATS[0]]
    scene.rows["seats"][SEATS[0]] = seat.confirm(found.id)
    scene.rows["reservations"][found.id] = found.confirm(payment_id=None)  # type: ignore[arg-type]
    with pytest.raises(SeatsUnavailable):
        scene.decide(holding(SEATS[0], overdue=(found,)))


def test_ones_own_hold_that_ran_out_makes_way_as_well(scene: Scene) -> None:
    own = scene.hold(11, *SEATS[:4], until=NOW)
    with pytest.raises(Stale):
        scene.decide(holding(SEATS[5]))
    scene.run(holding(*SEATS[:4], overdue=(own,)))
    assert scene.rows["buyers"][BuyerId(CONCERT, FAN)].held == 4


def test_the_same_key_gives_the_same_reservation_and_another_input_is_a_conflict(scene: Scene) -> None:
    first = scene.run(holding(*SEATS[:2], number=10))
    assert scene.run(holding(*reversed(SEATS[:2]), number=11)) == first
    with pytest.raises(IdempotencyConflict):
        scene.decide(holding(SEATS[0], number=12))


def test_the_access_tokens_number_is_remembered_unless_the_person_chose_another(scene: Scene) -> None:
    scene.run(holding(SEATS[0], phone="01012345678"))
    assert scene.all("contacts") == [Contact(user_id=FAN, phone="01012345678", chosen=False)]
    chosen = Contact(user_id=RIVAL, phone="01099999999", chosen=True)
    scene.rows["contacts"][RIVAL] = chosen
    scene.run(holding(SEATS[1], number=11, user_id=RIVAL, phone="01012345678"))
    assert scene.rows["contacts"][RIVAL] == chosen


def test_nothing_is_held_when_the_sale_is_over_or_the_performance_unknown(scene: Scene) -> None:
    scene.rows["performances"][PERFORMANCE] = performance(sales_close_at=NOW)
    with pytest.raises(SalesClosed):
        scene.decide(holding(SEATS[0]))
    del scene.rows["performances"][PERFORMANCE]
    with pytest.raises(PerformanceNotFound):
        scene.decide(holding(SEATS[0]))


def test_a_pass_that_has_run_out_holds_nothing(scene: Scene) -> None:
    scene.rows["buyers"][BuyerId(CONCERT, FAN)] = buyer()
    scene.now = NOW + timedelta(minutes=9)
    with pytest.raises(QueueTokenInvalid) as refused:
        scene.decide(holding(SEATS[0]))
    assert refused.value.reason is QueueTokenProblem.EXPIRED


def test_a_seat_of_another_performance_is_not_to_be_had(scene: Scene) -> None:
    elsewhere = SeatId(CONCERT, UUID(int=3), SEATS[1].seat)
    with pytest.raises(SeatsUnavailable) as refusal:
        scene.run(holding(SEATS[0], elsewhere))
    assert refusal.value.seat_ids == (elsewhere,)
    assert scene.rows["seats"][SEATS[0]].status is SeatStatus.AVAILABLE
    assert not scene.rows.get("reservations")
