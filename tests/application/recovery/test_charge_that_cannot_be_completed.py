"""A charge is proved and writing it keeps failing: it is tried again while there is time, and then the money goes back."""

from datetime import datetime, timedelta

import pytest

from application.event_listeners import LISTENERS
from application.recovery.gateway_answers import Move
from application.recovery.settle_errand import COMPLETING_TRIES, SettleErrand
from application.retrying import Retrying
from application.transactor import Transactor
from domain.errors import NotCommitted, ServiceUnavailable, Step
from domain.gateway_errand import ErrandKind, ErrandState
from domain.ids import TopUpId
from domain.payment import PaymentStatus
from domain.reservation import ReservationStatus
from domain.retry_policy import RETRY_POLICIES
from tests.application.booking.scene import NOW, SEATS, Scene
from tests.application.recovery.test_payment_saga import PINNED_UNTIL, balance, errands, minting, payment, pinning, reservation
from tests.application.recovery.test_run_errands import Alerts
from tests.application.test_retrying import Counted, FakeTime, FullChance
from tests.application.test_transactor import Told
from tests.fakes.memory_bookings import MemoryBookings
from tests.fakes.memory_unit_of_work import MemoryUnitOfWork


class NoTopUps:
    async def top_up(self, top_up_id: TopUpId) -> None:
        return None


class Desk:
    """The gateway has charged 70,000 won of a mixed payment; the database refuses as many commits as one errand has tries."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.scene.hold(10, *SEATS[:2])
        self.scene.run(minting(points=30_000))
        self.scene.run(pinning())
        database = MemoryUnitOfWork(lambda: self.scene.now)
        database.rows = self.scene.rows
        database.faults.extend([lambda _: NotCommitted("away")] * RETRY_POLICIES[Step.PAYMENT].attempts)
        transactor = Transactor(database, LISTENERS, Told(), Counted())
        retrying = Retrying(FakeTime(), FullChance(), Counted())
        self._settle = SettleErrand(transactor, retrying, MemoryBookings(database), NoTopUps(), Alerts())  # type: ignore[arg-type]

    async def learn_of_the_charge(self, now: datetime, look_ups: int) -> None:
        [errand] = self.scene.all("errands")
        self.scene.now = now
        await self._settle(errand, Move.COMPLETE, "DONE", now, look_ups)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_once_its_hold_is_over_it_goes_back(desk: Desk) -> None:
    await desk.learn_of_the_charge(PINNED_UNTIL, COMPLETING_TRIES)
    assert payment(desk.scene).status is PaymentStatus.CANCELLING
    assert errands(desk.scene) == [(ErrandKind.CONFIRM, ErrandState.CLOSED, 70_000), (ErrandKind.CANCEL, ErrandState.OPEN, 70_000)]
    assert (reservation(desk.scene).status, reservation(desk.scene).expires_at) == (ReservationStatus.PENDING, NOW + timedelta(minutes=5))
    assert desk.scene.all("tickets") == []


@pytest.mark.parametrize(
    ("now", "look_ups"), [(PINNED_UNTIL - timedelta(microseconds=1), COMPLETING_TRIES), (PINNED_UNTIL, COMPLETING_TRIES - 1)]
)
async def test_before_that_it_is_learned_again(desk: Desk, now: datetime, look_ups: int) -> None:
    with pytest.raises(ServiceUnavailable):
        await desk.learn_of_the_charge(now, look_ups)
    assert (payment(desk.scene).status, balance(desk.scene)) == (PaymentStatus.REQUESTED, 270_000)
    assert errands(desk.scene) == [(ErrandKind.CONFIRM, ErrandState.OPEN, 70_000)]
    await desk.learn_of_the_charge(now, look_ups)
    assert (payment(desk.scene).status, reservation(desk.scene).status) == (PaymentStatus.COMPLETED, ReservationStatus.CONFIRMED)
