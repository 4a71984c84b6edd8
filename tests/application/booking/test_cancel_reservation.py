from datetime import timedelta

import pytest

from application.booking.cancel_reservation import CancelFoundReservation, Cancellation, CancelReservationCommand
from application.recovery.expire_holds import ExpireHold
from domain.errors import IdempotencyConflict, NotCancellable, ReservationNotFound, Stale
from domain.ids import BuyerId, UserId
from domain.payment import PaymentStatus
from domain.point_account import LedgerKind
from domain.reservation import ReservationStatus
from domain.seat import SeatStatus
from tests.application.booking.scene import CONCERT, FAN, NOW, PERFORMANCE, RIVAL, SEATS, Scene, performance, reservation_id
from tests.application.booking.test_pay import paying


def cancelling(scene: Scene, number: int = 10, *, user_id: UserId = FAN, key: str = "c") -> CancelFoundReservation:
    command = CancelReservationCommand(user_id=user_id, reservation_id=reservation_id(number), idempotency_key=key)
    return CancelFoundReservation(command=command, found=scene.rows["reservations"][reservation_id(number)])


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.hold(10, *SEATS[:2])
    return scene


def test_a_hold_is_let_go(scene: Scene) -> None:
    assert scene.run(cancelling(scene)) == Cancellation(reservation_id=reservation_id(10))
    assert scene.rows["reservations"][reservation_id(10)].status is ReservationStatus.CANCELLED
    assert [scene.rows["seats"][seat_id].status for seat_id in SEATS[:2]] == [SeatStatus.AVAILABLE] * 2
    buyer = scene.rows["buyers"][BuyerId(CONCERT, FAN)]
    assert (buyer.held, buyer.open_reservation_id, buyer.ended) == (0, None, None)
    assert scene.all("outbox") == []


def test_a_paid_reservation_is_refunded_in_full(scene: Scene) -> None:
    payment_id = scene.run(paying())
    assert scene.run(cancelling(scene)) == Cancellation(reservation_id=reservation_id(10), refunded_points=100_000)  # type: ignore[arg-type]

    assert scene.rows["payments"][payment_id].status is PaymentStatus.CANCELLED
    assert scene.rows["reservations"][reservation_id(10)].status is ReservationStatus.CANCELLED
    assert [scene.rows["seats"][seat_id].status for seat_id in SEATS[:2]] == [SeatStatus.AVAILABLE] * 2
    assert [ticket.live for ticket in scene.all("tickets")] == [False, False]
    assert [(entry.kind, entry.amount) for entry in scene.all("ledger")] == [(LedgerKind.DEDUCT, -100_000), (LedgerKind.RESTORE, 100_000)]
    assert scene.rows["point_accounts"][FAN].balance == 300_000
    assert scene.rows["buyers"][BuyerId(CONCERT, FAN)].bought == 0
    assert [(message.type, message.sequence) for message in scene.all("outbox")] == [("PaymentCompleted", 1), ("PaymentCancelled", 2)]


def test_the_same_key_refunds_once_and_answers_the_same(scene: Scene) -> None:
    scene.run(paying())
    first = scene.run(cancelling(scene))
    again, work = scene.decide(cancelling(scene))
    assert again == first
    assert not list(work.ledger.written())


def test_another_key_after_the_refund_is_refused(scene: Scene) -> None:
    scene.run(paying())
    scene.run(cancelling(scene))
    with pytest.raises(NotCancellable):
        scene.decide(cancelling(scene, key="another"))


def test_the_same_key_for_another_reservation_is_a_conflict(scene: Scene) -> None:
    scene.run(cancelling(scene))
    scene.hold(11, SEATS[4])
    with pytest.raises(IdempotencyConflict):
        scene.decide(cancelling(scene, 11))


def test_who_paid_since_it_was_looked_at_is_looked_up_anew(scene: Scene) -> None:
    found_unpaid = cancelling(scene)
    scene.run(paying())
    with pytest.raises(Stale):
        scene.decide(found_unpaid)


def test_no_refund_once_the_show_has_started(scene: Scene) -> None:
    scene.run(paying())
    scene.rows["performances"][PERFORMANCE] = performance(starts_at=NOW)
    with pytest.raises(NotCancellable):
        scene.decide(cancelling(scene))


def test_a_hold_that_has_run_out_is_nobodys_to_cancel(scene: Scene) -> None:
    scene.now = NOW + timedelta(minutes=5)
    with pytest.raises(NotCancellable):
        scene.decide(cancelling(scene))


def test_anothers_reservation_is_as_good_as_none(scene: Scene) -> None:
    with pytest.raises(ReservationNotFound):
        scene.decide(cancelling(scene, user_id=RIVAL))


def test_the_sweeper_ends_a_hold_that_has_run_out_and_no_other(scene: Scene) -> None:
    found = scene.rows["reservations"][reservation_id(10)]
    with pytest.raises(Stale):
        scene.decide(ExpireHold(found=found))
    scene.now = NOW + timedelta(minutes=5)
    scene.run(ExpireHold(found=found))
    assert scene.rows["reservations"][found.id].status is ReservationStatus.EXPIRED
    assert scene.rows["seats"][SEATS[0]].status is SeatStatus.AVAILABLE
    assert scene.rows["buyers"][BuyerId(CONCERT, FAN)].held == 0
    with pytest.raises(Stale):
        scene.decide(ExpireHold(found=found))
