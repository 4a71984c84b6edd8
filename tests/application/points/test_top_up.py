from dataclasses import replace
from uuid import UUID

import pytest

from application.points.prepare_top_up import HEADROOM, MintTopUpOrder
from application.points.top_up_points import RequestTopUp, TopUpCommand
from application.recovery.top_up_saga import CompleteTopUp, DoubtTopUp, FailTopUp, HandOverTopUp
from domain.errors import IdempotencyConflict, InvalidAmount
from domain.gateway_errand import ErrandState
from domain.ids import TopUpId
from domain.money import MAXIMUM_BALANCE, Won
from domain.payment import PaymentStatus
from domain.payment_order import order_id_of
from domain.point_account import LedgerKind
from domain.top_up import ensure_top_up_amount
from tests.application.booking.scene import FAN, RIVAL, Scene

TOP_UP = TopUpId(FAN, UUID(int=90))


def requesting(*, amount: int = 5_000, key: str = "t", payment_key: str = "pk", id: TopUpId = TOP_UP) -> RequestTopUp:
    command = TopUpCommand(user_id=FAN, order_id=order_id_of(id), amount=amount, payment_key=payment_key, idempotency_key=key)
    return RequestTopUp(command=command, id=id, amount=Won(amount))


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.run(MintTopUpOrder(id=TOP_UP, amount=Won(5_000)))
    return scene


@pytest.fixture
def requested(scene: Scene) -> Scene:
    scene.run(requesting())
    return scene


def balance(scene: Scene) -> int:
    found: int = scene.rows["point_accounts"][FAN].balance
    return found


@pytest.mark.parametrize("amount", [-1, 0, 999, 1_000_001])
def test_too_little_and_too_much_are_refused(amount: int) -> None:
    with pytest.raises(InvalidAmount) as refused:
        ensure_top_up_amount(amount)
    assert (refused.value.minimum, refused.value.maximum) == (1_000, 1_000_000)


def test_an_account_near_the_cap_is_told_before_any_money_is_taken(scene: Scene) -> None:
    account = scene.rows["point_accounts"][FAN]
    scene.rows["point_accounts"][FAN] = replace(account, balance=Won(MAXIMUM_BALANCE - HEADROOM - 4_999))
    with pytest.raises(InvalidAmount) as refused:
        scene.decide(MintTopUpOrder(id=TOP_UP, amount=Won(5_000)))
    assert refused.value.maximum == 4_999


def test_a_request_writes_the_errand_and_no_point(requested: Scene) -> None:
    assert requested.rows["top_ups"][TOP_UP].status is PaymentStatus.REQUESTED
    assert [(errand.amount, errand.state) for errand in requested.all("errands")] == [(5_000, ErrandState.OPEN)]
    assert (balance(requested), requested.all("ledger")) == (300_000, [])


def test_a_proved_charge_enters_the_account_once(requested: Scene) -> None:
    for _ in range(2):
        requested.run(CompleteTopUp(id=TOP_UP))
    assert balance(requested) == 305_000
    assert [(entry.kind, entry.amount, entry.source) for entry in requested.all("ledger")] == [(LedgerKind.TOP_UP, 5_000, TOP_UP.top_up)]
    assert requested.all("errands")[0].state is ErrandState.CLOSED


def test_a_declined_card_gives_no_point_but_a_charge_that_is_proved_after_all_does(requested: Scene) -> None:
    requested.run(FailTopUp(id=TOP_UP, decline_code="NOT_FOUND"))
    assert (requested.rows["top_ups"][TOP_UP].status, balance(requested)) == (PaymentStatus.FAILED, 300_000)
    requested.run(CompleteTopUp(id=TOP_UP))
    assert (requested.rows["top_ups"][TOP_UP].status, balance(requested)) == (PaymentStatus.COMPLETED, 305_000)


def test_doubt_can_end_either_way_and_a_person_may_be_needed(requested: Scene) -> None:
    assert requested.run(DoubtTopUp(id=TOP_UP)) is PaymentStatus.IN_DOUBT
    assert requested.run(HandOverTopUp(id=TOP_UP)) is PaymentStatus.IN_DOUBT
    assert requested.all("errands")[0].state is ErrandState.MANUAL
    assert requested.run(CompleteTopUp(id=TOP_UP)) is PaymentStatus.COMPLETED


def test_an_order_serves_one_attempt(requested: Scene) -> None:
    assert requested.run(requesting()) == requested.run(requesting(key="another")) == TOP_UP
    with pytest.raises(IdempotencyConflict):
        requested.decide(requesting(payment_key="another card", key="third"))
    with pytest.raises(IdempotencyConflict):
        requested.decide(requesting(amount=6_000))


def test_a_key_names_one_top_up_and_begins_no_second_one(requested: Scene) -> None:
    second = TopUpId(FAN, UUID(int=91))
    requested.run(MintTopUpOrder(id=second, amount=Won(5_000)))
    with pytest.raises(IdempotencyConflict):
        requested.decide(requesting(id=second))
    assert requested.run(requesting()) == TOP_UP


def test_another_amount_than_the_orders_or_no_order_at_all_is_refused(scene: Scene) -> None:
    with pytest.raises(InvalidAmount):
        scene.decide(requesting(amount=6_000))
    with pytest.raises(InvalidAmount):
        scene.decide(requesting(id=TopUpId(FAN, UUID(int=91))))
    assert RIVAL not in {top_up.id.user_id for top_up in scene.all("top_ups")}
