from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from application.booking.cancel_reservation import CancelFoundReservation, CancelReservationCommand
from application.booking.pay import PayCommand
from application.booking.pay_by_card import PINNED_FOR, PinHold
from application.booking.prepare_payment import CardPartTooSmall, MintOrder, PreparePaymentCommand
from application.recovery.expire_holds import ExpireHold
from application.recovery.payment_saga import (
    CompleteCardPayment,
    DoubtCardPayment,
    FailCardPayment,
    FinishRefund,
    RefuseRefund,
    ReturnCharge,
)
from application.recovery.reopen_errand import ReopenErrands
from domain.concert import PerformanceStatus
from domain.errors import IdempotencyConflict, InsufficientPoints, NotCancellable, PaymentPending, ReservationNotFound
from domain.gateway_errand import ErrandId, ErrandKind, ErrandState
from domain.ids import BuyerId, PaymentId
from domain.money import Won
from domain.payment import Payment, PaymentMethod, PaymentStatus
from domain.payment_order import order_id_of
from domain.reservation import Reservation, ReservationStatus
from domain.seat import SeatStatus
from tests.application.booking.scene import CONCERT, FAN, NOW, PERFORMANCE, RIVAL, SEATS, Scene, performance, reservation_id, token
from tests.application.booking.test_hold_seats import holding
from tests.application.booking.test_pay import paying

ATTEMPT = PaymentId(*PERFORMANCE, UUID(int=80))
PINNED_UNTIL = NOW + PINNED_FOR


def minting(points: int = 0, attempt: PaymentId = ATTEMPT) -> MintOrder:
    command = PreparePaymentCommand(user_id=FAN, reservation_id=reservation_id(10), queue_token="", points=Won(points))
    return MintOrder(command=command, shown_token=token(), payment_id=attempt)


def pinning(attempt: PaymentId = ATTEMPT, *, key: str = "k", payment_key: str = "pk", number: int = 10) -> PinHold:
    command = PayCommand(
        user_id=FAN,
        reservation_id=reservation_id(number),
        queue_token="",
        idempotency_key=key,
        method=PaymentMethod.CARD,
        order_id=order_id_of(attempt),
        payment_key=payment_key,
    )
    return PinHold(command=command, shown_token=token(), payment_id=attempt, payment_key=payment_key)


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.hold(10, *SEATS[:2])
    return scene


@pytest.fixture
def pinned(scene: Scene) -> Scene:
    """A mixed payment that the gateway is to be asked about: 30,000 points and 70,000 won by card."""
    scene.run(minting(points=30_000))
    scene.run(pinning())
    return scene


def payment(scene: Scene, attempt: PaymentId = ATTEMPT) -> Payment:
    found: Payment = scene.rows["payments"][attempt]
    return found


def reservation(scene: Scene) -> Reservation:
    found: Reservation = scene.rows["reservations"][reservation_id(10)]
    return found


def errands(scene: Scene) -> list[tuple[ErrandKind, ErrandState, int]]:
    return [(errand.id.kind, errand.state, errand.amount) for errand in scene.all("errands")]


def balance(scene: Scene) -> int:
    found: int = scene.rows["point_accounts"][FAN].balance
    return found


def seat_states(scene: Scene) -> list[SeatStatus]:
    return [scene.rows["seats"][seat_id].status for seat_id in SEATS[:2]]


def test_an_order_names_the_cards_part_and_takes_nothing(scene: Scene) -> None:
    order = scene.run(minting(points=30_000))
    assert (order.points, order.card_amount, order.user_id) == (30_000, 70_000, FAN)
    assert balance(scene) == 300_000
    assert scene.all("payments") == []


@pytest.mark.parametrize("points", [100_000, 99_901])
def test_a_card_takes_a_hundred_won_or_nothing(scene: Scene, points: int) -> None:
    with pytest.raises(CardPartTooSmall):
        scene.decide(minting(points=points))


def test_points_that_are_not_there_cannot_be_used_beside_a_card(scene: Scene) -> None:
    scene.rows["point_accounts"][FAN] = replace(scene.rows["point_accounts"][FAN], balance=Won(10))
    with pytest.raises(InsufficientPoints):
        scene.decide(minting(points=11))


def test_asking_the_gateway_pins_the_hold_takes_the_points_and_sells_nothing_yet(pinned: Scene) -> None:
    assert payment(pinned).status is PaymentStatus.REQUESTED
    assert (reservation(pinned).status, reservation(pinned).expires_at) == (ReservationStatus.PENDING, PINNED_UNTIL)
    assert [pinned.rows["seats"][seat_id].held_until for seat_id in SEATS[:2]] == [PINNED_UNTIL] * 2
    buyer = pinned.rows["buyers"][BuyerId(CONCERT, FAN)]
    assert (buyer.open_hold_until, buyer.deadline) == (PINNED_UNTIL, PINNED_UNTIL + timedelta(seconds=30))
    assert balance(pinned) == 270_000
    assert errands(pinned) == [(ErrandKind.CONFIRM, ErrandState.OPEN, 70_000)]
    assert (pinned.all("tickets"), pinned.all("outbox")) == ([], [])


def test_the_attempt_is_the_record_whatever_key_asks_for_it(pinned: Scene) -> None:
    assert pinned.run(pinning()) == pinned.run(pinning(key="another")) == ATTEMPT
    assert balance(pinned) == 270_000
    with pytest.raises(IdempotencyConflict):
        pinned.decide(pinning(key="third", payment_key="another card"))


def test_a_key_names_one_attempt_and_begins_no_second_one(pinned: Scene) -> None:
    pinned.run(FailCardPayment(payment=payment(pinned), reservation=reservation(pinned), decline_code="REJECT_CARD_COMPANY"))
    second = PaymentId(*PERFORMANCE, UUID(int=81))
    pinned.run(minting(attempt=second))
    with pytest.raises(IdempotencyConflict):
        pinned.decide(pinning(second))
    assert pinned.run(pinning()) == ATTEMPT


def test_an_order_nobody_minted_pays_nothing(scene: Scene) -> None:
    with pytest.raises(ReservationNotFound):
        scene.decide(pinning())


def test_while_an_attempt_is_open_nothing_else_pays_or_cancels(pinned: Scene) -> None:
    for other in (paying(key="points"), minting(attempt=PaymentId(*PERFORMANCE, UUID(int=81)))):
        with pytest.raises(PaymentPending) as refused:
            pinned.decide(other)
        assert refused.value.payment_id == ATTEMPT
    command = CancelReservationCommand(user_id=FAN, reservation_id=reservation_id(10), idempotency_key="c")
    with pytest.raises(NotCancellable):
        pinned.decide(CancelFoundReservation(command=command, found=reservation(pinned)))


def test_a_proved_charge_sells_the_seats_and_deducts_no_point_twice(pinned: Scene) -> None:
    pinned.run(CompleteCardPayment(payment=payment(pinned), reservation=reservation(pinned)))
    assert payment(pinned).status is PaymentStatus.COMPLETED
    assert (reservation(pinned).status, reservation(pinned).open_payment_id) == (ReservationStatus.CONFIRMED, None)
    assert seat_states(pinned) == [SeatStatus.SOLD] * 2
    assert len(pinned.all("tickets")) == 2
    assert balance(pinned) == 270_000
    assert errands(pinned) == [(ErrandKind.CONFIRM, ErrandState.CLOSED, 70_000)]
    assert [message.type for message in pinned.all("outbox")] == ["PaymentCompleted"]


def test_every_settlement_may_come_twice(pinned: Scene) -> None:
    settlement = CompleteCardPayment(payment=payment(pinned), reservation=reservation(pinned))
    pinned.run(settlement)
    before = {kind: dict(rows) for kind, rows in pinned.rows.items()}
    pinned.run(settlement)
    pinned.run(FailCardPayment(payment=payment(pinned), reservation=reservation(pinned), decline_code="LATE"))
    pinned.run(DoubtCardPayment(payment=payment(pinned), reservation=reservation(pinned)))
    assert pinned.rows == before


def test_a_declined_card_gives_points_and_hold_back_for_another_try(pinned: Scene) -> None:
    pinned.run(FailCardPayment(payment=payment(pinned), reservation=reservation(pinned), decline_code="REJECT_CARD_COMPANY"))
    assert (payment(pinned).status, payment(pinned).decline_code) == (PaymentStatus.FAILED, "REJECT_CARD_COMPANY")
    assert balance(pinned) == 300_000
    original = NOW + timedelta(minutes=5)
    assert (reservation(pinned).status, reservation(pinned).expires_at) == (ReservationStatus.PENDING, original)
    assert [pinned.rows["seats"][seat_id].held_until for seat_id in SEATS[:2]] == [original] * 2
    assert pinned.rows["buyers"][BuyerId(CONCERT, FAN)].open_hold_until == original
    second = PaymentId(*PERFORMANCE, UUID(int=81))
    pinned.run(minting(attempt=second))
    assert pinned.run(pinning(second, key="second card")) == second


def test_doubt_is_said_and_can_still_end_either_way(pinned: Scene) -> None:
    pinned.run(DoubtCardPayment(payment=payment(pinned), reservation=reservation(pinned)))
    assert payment(pinned).status is PaymentStatus.IN_DOUBT
    pinned.run(CompleteCardPayment(payment=payment(pinned), reservation=reservation(pinned)))
    assert payment(pinned).status is PaymentStatus.COMPLETED


def run_out(scene: Scene) -> None:
    scene.now = PINNED_UNTIL
    scene.run(ExpireHold(found=reservation(scene)))


def test_a_late_success_takes_the_same_seats_again_if_they_are_free(pinned: Scene) -> None:
    run_out(pinned)
    pinned.run(CompleteCardPayment(payment=payment(pinned), reservation=reservation(pinned)))
    assert (payment(pinned).status, reservation(pinned).status) == (PaymentStatus.COMPLETED, ReservationStatus.CONFIRMED)
    assert seat_states(pinned) == [SeatStatus.SOLD] * 2
    buyer = pinned.rows["buyers"][BuyerId(CONCERT, FAN)]
    assert (buyer.held, buyer.bought) == (0, 2)


def test_a_late_success_whose_seats_are_anothers_is_given_back(pinned: Scene) -> None:
    run_out(pinned)
    pinned.rows["buyers"][BuyerId(CONCERT, RIVAL)] = replace(
        pinned.rows["buyers"][BuyerId(CONCERT, RIVAL)], first_deadline=PINNED_UNTIL + PINNED_FOR, deadline=PINNED_UNTIL + PINNED_FOR
    )
    pinned.run(holding(SEATS[1], number=11, user_id=RIVAL))
    pinned.run(CompleteCardPayment(payment=payment(pinned), reservation=reservation(pinned)))
    assert payment(pinned).status is PaymentStatus.CANCELLING
    assert errands(pinned) == [(ErrandKind.CONFIRM, ErrandState.CLOSED, 70_000), (ErrandKind.CANCEL, ErrandState.OPEN, 70_000)]
    assert seat_states(pinned) == [SeatStatus.AVAILABLE, SeatStatus.HELD]
    assert balance(pinned) == 270_000

    pinned.run(FinishRefund(payment=payment(pinned), reservation=reservation(pinned)))
    assert (payment(pinned).status, reservation(pinned).status) == (PaymentStatus.CANCELLED, ReservationStatus.EXPIRED)
    assert balance(pinned) == 300_000
    assert [message.type for message in pinned.all("outbox")] == ["ChargeReturned"]
    assert pinned.all("tickets") == []


def test_a_late_success_over_the_limit_is_given_back(pinned: Scene) -> None:
    run_out(pinned)
    buyer = pinned.rows["buyers"][BuyerId(CONCERT, FAN)]
    pinned.rows["buyers"][buyer.id] = replace(buyer, bought=3)
    pinned.run(CompleteCardPayment(payment=payment(pinned), reservation=reservation(pinned)))
    assert (payment(pinned).status, seat_states(pinned)) == (PaymentStatus.CANCELLING, [SeatStatus.AVAILABLE] * 2)


def test_a_charge_for_a_cancelled_performance_is_given_back(pinned: Scene) -> None:
    pinned.rows["performances"][PERFORMANCE] = performance(status=PerformanceStatus.CANCELLED)
    pinned.run(CompleteCardPayment(payment=payment(pinned), reservation=reservation(pinned)))
    assert payment(pinned).status is PaymentStatus.CANCELLING
    assert pinned.all("tickets") == []


def test_a_charge_that_cannot_be_completed_is_returned_and_the_hold_is_its_owners_again(pinned: Scene) -> None:
    pinned.run(ReturnCharge(payment=payment(pinned), reservation=reservation(pinned)))
    assert payment(pinned).status is PaymentStatus.CANCELLING
    assert (reservation(pinned).open_payment_id, reservation(pinned).expires_at) == (None, NOW + timedelta(minutes=5))


@pytest.mark.parametrize("settlement", [CompleteCardPayment, ReturnCharge])
def test_what_was_charged_after_the_attempt_had_failed_goes_back_whichever_way_it_is_settled(
    pinned: Scene, settlement: type[CompleteCardPayment | ReturnCharge]
) -> None:
    pinned.run(FailCardPayment(payment=payment(pinned), reservation=reservation(pinned), decline_code="EXPIRED"))
    for _ in range(2):
        pinned.run(settlement(payment=payment(pinned), reservation=reservation(pinned)))
    assert payment(pinned).status is PaymentStatus.CANCELLING
    assert errands(pinned) == [(ErrandKind.CONFIRM, ErrandState.CLOSED, 70_000), (ErrandKind.CANCEL, ErrandState.OPEN, 70_000)]
    assert balance(pinned) == 300_000
    assert pinned.all("tickets") == []


@pytest.fixture
def refunding(pinned: Scene) -> Scene:
    pinned.run(CompleteCardPayment(payment=payment(pinned), reservation=reservation(pinned)))
    command = CancelReservationCommand(user_id=FAN, reservation_id=reservation_id(10), idempotency_key="c")
    begun = pinned.run(CancelFoundReservation(command=command, found=reservation(pinned)))
    assert (begun.pending, begun.refunded_points, begun.refunded_card) == (ATTEMPT, 30_000, 70_000)
    return pinned


def test_a_refund_is_written_before_the_gateway_is_asked_and_voids_the_tickets_at_once(refunding: Scene) -> None:
    assert (payment(refunding).status, reservation(refunding).status) == (PaymentStatus.CANCELLING, ReservationStatus.CANCELLING)
    assert [ticket.live for ticket in refunding.all("tickets")] == [False, False]
    assert seat_states(refunding) == [SeatStatus.SOLD] * 2
    assert balance(refunding) == 270_000
    assert errands(refunding)[1] == (ErrandKind.CANCEL, ErrandState.OPEN, 70_000)


def test_a_proved_refund_frees_the_seats_and_restores_the_points(refunding: Scene) -> None:
    refunding.run(FinishRefund(payment=payment(refunding), reservation=reservation(refunding)))
    assert (payment(refunding).status, reservation(refunding).status) == (PaymentStatus.CANCELLED, ReservationStatus.CANCELLED)
    assert seat_states(refunding) == [SeatStatus.AVAILABLE] * 2
    assert balance(refunding) == 300_000
    assert refunding.rows["buyers"][BuyerId(CONCERT, FAN)].bought == 0
    assert errands(refunding)[1] == (ErrandKind.CANCEL, ErrandState.CLOSED, 70_000)
    assert [message.type for message in refunding.all("outbox")] == ["PaymentCompleted", "PaymentCancelled"]


def test_a_refund_refused_for_good_leaves_the_ticket_live(refunding: Scene) -> None:
    refunding.run(RefuseRefund(payment=payment(refunding), reservation=reservation(refunding)))
    assert (payment(refunding).status, reservation(refunding).status) == (PaymentStatus.COMPLETED, ReservationStatus.CONFIRMED)
    assert [ticket.live for ticket in refunding.all("tickets")] == [True, True]
    assert errands(refunding)[1] == (ErrandKind.CANCEL, ErrandState.CLOSED, 70_000)


def test_a_refund_of_a_show_that_is_off_is_never_taken_back_but_handed_to_a_person(refunding: Scene) -> None:
    refunding.rows["performances"][PERFORMANCE] = performance(status=PerformanceStatus.CANCELLED)
    refunding.run(RefuseRefund(payment=payment(refunding), reservation=reservation(refunding)))
    assert (payment(refunding).status, reservation(refunding).status) == (PaymentStatus.CANCELLING, ReservationStatus.CANCELLING)
    assert [ticket.live for ticket in refunding.all("tickets")] == [False, False]
    assert errands(refunding)[1] == (ErrandKind.CANCEL, ErrandState.MANUAL, 70_000)


def test_a_refused_refund_can_be_asked_for_again(refunding: Scene) -> None:
    refunding.run(RefuseRefund(payment=payment(refunding), reservation=reservation(refunding)))
    command = CancelReservationCommand(user_id=FAN, reservation_id=reservation_id(10), idempotency_key="c2")
    refunding.run(CancelFoundReservation(command=command, found=reservation(refunding)))
    assert errands(refunding)[1] == (ErrandKind.CANCEL, ErrandState.OPEN, 70_000)


def test_what_was_handed_to_a_person_can_be_handed_back(refunding: Scene) -> None:
    refunding.rows["performances"][PERFORMANCE] = performance(status=PerformanceStatus.CANCELLED)
    refunding.run(RefuseRefund(payment=payment(refunding), reservation=reservation(refunding)))
    reopen = ReopenErrands(ids=tuple(ErrandId(CONCERT, ATTEMPT.payment, kind) for kind in ErrandKind))
    assert [refunding.run(reopen) for _ in range(2)] == [1, 0]
    assert errands(refunding) == [(ErrandKind.CONFIRM, ErrandState.CLOSED, 70_000), (ErrandKind.CANCEL, ErrandState.OPEN, 70_000)]


def test_a_charge_proved_after_the_attempt_was_given_up_goes_back_and_its_points_only_once(pinned: Scene) -> None:
    pinned.run(FailCardPayment(payment=payment(pinned), reservation=reservation(pinned), decline_code="NOT_FOUND"))
    pinned.run(CompleteCardPayment(payment=payment(pinned), reservation=reservation(pinned)))
    assert payment(pinned).status is PaymentStatus.CANCELLING
    assert errands(pinned)[1] == (ErrandKind.CANCEL, ErrandState.OPEN, 70_000)
    pinned.run(FinishRefund(payment=payment(pinned), reservation=reservation(pinned)))
    assert (payment(pinned).status, balance(pinned)) == (PaymentStatus.CANCELLED, 300_000)
    assert (reservation(pinned).status, pinned.all("tickets")) == (ReservationStatus.PENDING, [])


def test_a_key_whose_refund_was_refused_is_never_told_that_it_was_given_back(refunding: Scene) -> None:
    refunding.run(RefuseRefund(payment=payment(refunding), reservation=reservation(refunding)))
    command = CancelReservationCommand(user_id=FAN, reservation_id=reservation_id(10), idempotency_key="c")
    with pytest.raises(NotCancellable):
        refunding.decide(CancelFoundReservation(command=command, found=reservation(refunding)))


def test_another_key_while_the_refund_is_under_way_waits_for_the_same_refund(refunding: Scene) -> None:
    command = CancelReservationCommand(user_id=FAN, reservation_id=reservation_id(10), idempotency_key="another")
    again = refunding.run(CancelFoundReservation(command=command, found=reservation(refunding)))
    assert again.pending == ATTEMPT
    assert len(errands(refunding)) == 2
