"""What a webhook hurries, what it looks back at, and what it leaves alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from application.recovery.hear_webhook import LOOK_BACK_EVERY, HearWebhook
from domain.gateway_errand import ErrandId, ErrandKind
from domain.ids import ConcertId, PaymentId, ReservationId, TopUpId, UserId
from domain.money import ZERO, Won
from domain.payment import Payment, PaymentStatus
from domain.payment_order import order_id_of
from domain.top_up import TopUp

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
FAN = UserId(UUID(int=9))
PAYMENT = PaymentId(ConcertId(UUID(int=1)), UUID(int=2), UUID(int=80))
TOP_UP = TopUpId(FAN, UUID(int=81))
SHARDS = {PAYMENT: (UUID(int=1), UUID(int=80)), TOP_UP: (UUID(int=9), UUID(int=81))}
ATTEMPTS = pytest.mark.parametrize("attempt", [PAYMENT, TOP_UP], ids=["payment", "top-up"])


class House:
    """The errands, payments and top-ups, and what was asked of them. ``waits``: an errand waits for its next look-up."""

    def __init__(self, status: PaymentStatus | None, *, waits: bool = False, closed: bool = True) -> None:
        self._status, self._waits, self._closed = status, waits, closed
        self.asked: list[str] = []
        self.hurried: list[ErrandId] = []
        self.looked_back: list[tuple[ErrandId, float]] = []
        self.hints = 0
        self.hear = HearWebhook(self, self, self, self)  # type: ignore[arg-type]

    async def hurry(self, errand_ids: Sequence[ErrandId]) -> int:
        self.asked.append("hurry")
        self.hurried += errand_ids
        return int(self._waits)

    async def look_back(self, errand_id: ErrandId, every: float) -> bool:
        self.asked.append("look back")
        self.looked_back.append((errand_id, every))
        return self._closed

    async def payments_by_id(self, payment_ids: Sequence[PaymentId]) -> Sequence[Payment | None]:
        self.asked.append("payment")
        assert payment_ids == [PAYMENT]
        return [None if self._status is None else a_payment(self._status)]

    async def top_up(self, top_up_id: TopUpId) -> TopUp | None:
        self.asked.append("top-up")
        assert top_up_id == TOP_UP
        return None if self._status is None else a_top_up(self._status)

    async def wake_gateway(self) -> None:
        self.hints += 1


def a_payment(status: PaymentStatus) -> Payment:
    reservation_id = ReservationId(PAYMENT.concert_id, PAYMENT.performance, UUID(int=10))
    order = {"order_id": order_id_of(PAYMENT), "payment_key": "pk"}
    asked = Payment.by_card(PAYMENT, reservation_id, FAN, **order, points=ZERO, card=Won(70_000), now=NOW)
    return replace(asked, status=status)


def a_top_up(status: PaymentStatus) -> TopUp:
    return TopUp(id=TOP_UP, amount=Won(5_000), status=status, order_id=order_id_of(TOP_UP), payment_key="pk", requested_at=NOW)


@ATTEMPTS
@pytest.mark.parametrize("status", [*PaymentStatus, None])
async def test_only_an_attempt_that_failed_is_looked_up_again(attempt: PaymentId | TopUpId, status: PaymentStatus | None) -> None:
    house = House(status)
    failed = status is PaymentStatus.FAILED
    shard, uuid = SHARDS[attempt]
    assert await house.hear(order_id_of(attempt)) is failed
    assert house.asked == ["hurry", "payment" if attempt == PAYMENT else "top-up", *(["look back"] if failed else [])]
    assert house.hurried == [ErrandId(shard, uuid, kind) for kind in ErrandKind]
    assert house.looked_back == ([(ErrandId(shard, uuid, ErrandKind.CONFIRM), LOOK_BACK_EVERY)] if failed else [])
    assert house.hints == int(failed)


@ATTEMPTS
@pytest.mark.parametrize("status", PaymentStatus)
async def test_one_that_was_hurried_is_not_looked_back_at_as_well(attempt: PaymentId | TopUpId, status: PaymentStatus) -> None:
    house = House(status, waits=True)
    assert await house.hear(order_id_of(attempt))
    assert (house.asked, house.hints) == (["hurry"], 1)


@ATTEMPTS
async def test_one_that_is_looked_up_already_or_is_with_a_person_wakes_nobody(attempt: PaymentId | TopUpId) -> None:
    house = House(PaymentStatus.FAILED, closed=False)
    assert not await house.hear(order_id_of(attempt))
    assert (house.asked[-1], house.hints) == ("look back", 0)


@pytest.mark.parametrize("order_id", ["", "order-1", "주문", "A" * 63, "A" * 22, "=" * 64])
async def test_an_order_that_is_none_of_ours_asks_nothing(order_id: str) -> None:
    house = House(PaymentStatus.FAILED, waits=True)
    assert not await house.hear(order_id)
    assert (house.asked, house.hints) == ([], 0)
