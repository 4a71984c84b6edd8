import json
from datetime import timedelta
from uuid import UUID

import pytest

from application.booking.pay import PayCommand, PayWithPoints
from domain.errors import (
    IdempotencyConflict,
    InsufficientPoints,
    NotNeeded,
    QueueTokenInvalid,
    QueueTokenProblem,
    ReservationAlreadyPaid,
    ReservationExpired,
    ReservationNotFound,
    SalesClosed,
)
from domain.ids import BuyerId, PaymentId, UserId
from domain.money import Won
from domain.payment import PaymentStatus
from domain.point_account import LedgerKind, PointAccount
from domain.queue_token import ShownToken
from domain.reservation import ReservationStatus
from domain.seat import SeatStatus
from tests.application.booking.scene import CONCERT, FAN, NOW, PERFORMANCE, PLACE, RIVAL, SEATS, Scene, performance, reservation_id, token


def paying(number: int = 10, *, user_id: UserId = FAN, shown: ShownToken | None = None, key: str = "k", payment: int = 70) -> PayWithPoints:
    command = PayCommand(user_id=user_id, reservation_id=reservation_id(number), queue_token="", idempotency_key=key)
    return PayWithPoints(command=command, shown_token=shown or token(user_id), payment_id=PaymentId(*PERFORMANCE, UUID(int=payment)))


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.hold(10, *SEATS[:2])
    return scene


def test_paying_sells_the_seats_deducts_the_points_issues_the_tickets_and_tells_the_world(scene: Scene) -> None:
    payment_id = scene.run(paying())

    payment = scene.rows["payments"][payment_id]
    assert (payment.status, payment.amount, payment.paid_at) == (PaymentStatus.COMPLETED, 100_000, NOW)
    reservation = scene.rows["reservations"][reservation_id(10)]
    assert (reservation.status, reservation.payment_id, reservation.sequence) == (ReservationStatus.CONFIRMED, payment_id, 1)
    assert [scene.rows["seats"][seat_id].status for seat_id in SEATS[:3]] == [SeatStatus.SOLD, SeatStatus.SOLD, SeatStatus.AVAILABLE]
    assert scene.rows["point_accounts"][FAN].balance == 200_000
    assert [(entry.kind, entry.amount, entry.balance_after) for entry in scene.all("ledger")] == [(LedgerKind.DEDUCT, -100_000, 200_000)]
    assert sorted(ticket.seat_id for ticket in scene.all("tickets")) == sorted(SEATS[:2])
    buyer = scene.rows["buyers"][BuyerId(CONCERT, FAN)]
    assert (buyer.held, buyer.bought, buyer.ended, buyer.open_reservation_id) == (0, 2, "USED", None)
    [message] = scene.all("outbox")
    assert (message.type, message.key, message.sequence, message.shard_key) == ("PaymentCompleted", UUID(int=10), 1, CONCERT)
    assert json.loads(message.payload)["amount"] == 100_000


def test_a_message_names_nobody_but_by_id(scene: Scene) -> None:
    scene.run(paying())
    assert set(json.loads(scene.all("outbox")[0].payload)) == {
        "reservationId", "performanceId", "concertId", "paymentId", "userId", "amount", "title", "venue", "startsAt", "seats",
    }  # fmt: skip


def test_the_same_key_gives_the_same_payment_and_changes_nothing_more(scene: Scene) -> None:
    first = scene.run(paying(payment=70))
    again, work = scene.decide(paying(payment=71))
    assert again == first
    assert not list(work.payments.written())
    assert work.events == []


@pytest.mark.parametrize("shown", [QueueTokenProblem.MALFORMED, token(RIVAL), token(FAN, PLACE - 1)])
def test_who_has_paid_and_asks_again_gets_the_payment_whatever_token_they_show(scene: Scene, shown: ShownToken) -> None:
    first = scene.run(paying())
    assert scene.run(paying(shown=shown)) == first


def test_the_same_key_for_another_reservation_is_a_conflict(scene: Scene) -> None:
    scene.run(paying())
    scene.hold(11, SEATS[4])
    with pytest.raises(IdempotencyConflict):
        scene.decide(paying(11))


def test_another_person_with_the_same_key_makes_their_own_payment(scene: Scene) -> None:
    scene.hold(11, SEATS[4], user_id=RIVAL)
    first = scene.run(paying(payment=70))
    assert scene.run(paying(11, user_id=RIVAL, payment=71)) != first
    assert scene.rows["point_accounts"][RIVAL].balance == 250_000


def test_another_key_for_a_paid_reservation_names_the_payment(scene: Scene) -> None:
    first = scene.run(paying())
    with pytest.raises(ReservationAlreadyPaid) as refused:
        scene.decide(paying(key="another"))
    assert refused.value.payment_id == first


@pytest.mark.parametrize(
    ("shown", "problem"),
    [
        (QueueTokenProblem.FORGED, QueueTokenProblem.FORGED),
        (token(RIVAL), QueueTokenProblem.WRONG_USER),
        (token(FAN, PLACE + 1), QueueTokenProblem.NOT_ADMITTED),
        (token(FAN, PLACE - 1), QueueTokenProblem.EXPIRED),
    ],
)
def test_only_the_token_of_ones_own_pass_pays(scene: Scene, shown: ShownToken, problem: QueueTokenProblem) -> None:
    with pytest.raises(QueueTokenInvalid) as refused:
        scene.decide(paying(shown=shown))
    assert refused.value.reason is problem


def test_points_that_do_not_suffice_are_named(scene: Scene) -> None:
    scene.rows["point_accounts"][FAN] = PointAccount(user_id=FAN, balance=Won(99_999))
    with pytest.raises(InsufficientPoints) as refused:
        scene.decide(paying())
    assert (refused.value.balance, refused.value.required) == (99_999, 100_000)


def test_who_has_no_account_has_no_points(scene: Scene) -> None:
    del scene.rows["point_accounts"][FAN]
    with pytest.raises(InsufficientPoints) as refused:
        scene.decide(paying())
    assert refused.value.balance == 0


def test_a_hold_that_has_run_out_is_not_paid(scene: Scene) -> None:
    scene.now = NOW + timedelta(minutes=5)
    with pytest.raises(ReservationExpired):
        scene.decide(paying())


def test_a_seat_that_another_reservation_holds_by_now_is_not_sold(scene: Scene) -> None:
    seat = scene.rows["seats"][SEATS[1]]
    scene.rows["seats"][SEATS[1]] = seat.release(reservation_id(10)).hold(reservation_id(99), NOW + timedelta(minutes=5))
    with pytest.raises(ReservationExpired):
        scene.decide(paying())


def test_anothers_reservation_is_as_good_as_none(scene: Scene) -> None:
    with pytest.raises(ReservationNotFound):
        scene.decide(paying(user_id=RIVAL))


def test_a_reservation_nobody_made_is_not_found(scene: Scene) -> None:
    with pytest.raises(ReservationNotFound):
        scene.decide(paying(99))


def test_nothing_is_sold_when_the_sale_is_over(scene: Scene) -> None:
    scene.rows["performances"][PERFORMANCE] = performance(sales_close_at=NOW)
    with pytest.raises(SalesClosed):
        scene.decide(paying())


def test_a_row_that_was_not_named_cannot_be_read(scene: Scene) -> None:
    _, work = scene.decide(paying())
    with pytest.raises(NotNeeded):
        work.point_accounts.find(RIVAL)
