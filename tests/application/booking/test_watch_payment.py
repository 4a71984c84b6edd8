"""A payment is watched by its owner until its end is known."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from application.booking.watch_payment import WatchPayment
from domain.errors import StoreUnavailable
from domain.ids import ConcertId, PaymentId, ReservationId, TopUpId, UserId
from domain.money import Won
from domain.payment import Payment, PaymentStatus
from domain.top_up import TopUp

OWNER, OTHER = UserId(UUID(int=1)), UserId(UUID(int=2))
CONCERT = ConcertId(UUID(int=3))
PAYMENT = Payment.with_points(
    PaymentId(CONCERT, UUID(int=4), UUID(int=5)),
    ReservationId(CONCERT, UUID(int=4), UUID(int=6)),
    OWNER,
    Won(1),
    datetime(2026, 1, 1, tzinfo=UTC),
)
IN_DOUBT = replace(PAYMENT, status=PaymentStatus.IN_DOUBT)


class Looks:
    """What each look at the payment finds; the last one stays."""

    def __init__(self, *found: Payment | StoreUnavailable | None) -> None:
        self._found = list(found)

    async def payments_by_id(self, ids: Sequence[PaymentId]) -> Sequence[Payment | None]:
        assert list(ids) == [PAYMENT.id]
        found = self._found.pop(0) if len(self._found) > 1 else self._found[0]
        if isinstance(found, StoreUnavailable):
            raise found
        return [found]


class Instant:
    def __init__(self) -> None:
        self.passed = 0.0

    async def sleep(self, seconds: float) -> None:
        self.passed += seconds

    def elapsed(self) -> float:
        return self.passed


class NoTopUps:
    async def top_up(self, top_up_id: TopUpId) -> TopUp | None:
        return None


async def seen(*found: Payment | StoreUnavailable | None, user: UserId = OWNER) -> list[Payment | TopUp]:
    watch = WatchPayment(Looks(*found), NoTopUps(), Instant())  # type: ignore[arg-type]
    return [payment async for payment in watch(user, PAYMENT.id)]


async def test_a_final_status_is_told_and_ends_it() -> None:
    assert await seen(PAYMENT) == [PAYMENT]


async def test_each_change_is_told_once() -> None:
    assert await seen(IN_DOUBT, IN_DOUBT, IN_DOUBT, PAYMENT) == [IN_DOUBT, PAYMENT]


async def test_another_person_s_and_an_unknown_one_are_told_to_nobody() -> None:
    assert await seen(PAYMENT, user=OTHER) == []
    assert await seen(None) == []


async def test_while_the_database_is_away_it_stands_as_it_was_seen() -> None:
    assert await seen(IN_DOUBT, StoreUnavailable("away"), PAYMENT) == [IN_DOUBT, PAYMENT]
    with pytest.raises(StoreUnavailable):
        await seen(StoreUnavailable("away"))


async def test_nobody_watches_for_ever() -> None:
    assert await seen(IN_DOUBT) == [IN_DOUBT]
