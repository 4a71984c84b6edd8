"""What was asked for is committed and the answer is lost: the retry looks first, and finds it."""

from uuid import UUID

import pytest

from application.booking.cancel_reservation import Cancellation, CancelReservation, CancelReservationCommand
from application.booking.hold_seats import HoldSeats, HoldSeatsCommand
from application.booking.pay import Pay, PayCommand
from application.booking.payment_end import PaymentEnd
from application.event_listeners import LISTENERS
from application.patience import Patience
from application.queueing.queue_tokens import QueueTokens
from application.retrying import Retrying
from application.transactor import Transactor
from domain.errors import OutcomeUnknown
from domain.ids import BuyerId, ReservationId
from domain.money import ZERO, Won
from domain.reservation import ReservationStatus
from tests.application.booking.scene import CONCERT, FAN, NOW, PERFORMANCE, RIVAL, SEATS, Scene, reservation_id, token
from tests.application.test_retrying import Counted, FakeTime, FullChance
from tests.application.test_transactor import Told
from tests.contracts.clocks import FixedClock
from tests.fakes.memory_bookings import MemoryBookings
from tests.fakes.memory_unit_of_work import MemoryUnitOfWork

TOKENS = QueueTokens({"k1": b"x" * 32})
SHOWN = TOKENS.sign(token(FAN))
HELD = reservation_id(10)


class Numbers:
    def __init__(self) -> None:
        self._made = 70

    def new_id(self) -> UUID:
        self._made += 1
        return UUID(int=self._made)


class Office:
    """Two seats are held by the fan already; nobody holds the others. ``database`` loses the answers it is told to."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.scene.hold(10, *SEATS[:2])
        self.database = MemoryUnitOfWork(lambda: NOW)
        self.database.rows = self.scene.rows
        self._time, self._ids = FakeTime(), Numbers()
        self._transactor = Transactor(self.database, LISTENERS, Told(), Counted())
        self._retrying = Retrying(self._time, FullChance(), Counted())
        self._bookings = MemoryBookings(self.database)

    def lose_the_next_answer(self) -> None:
        self.database.lost_answers.append(lambda _: OutcomeUnknown("the answer to COMMIT did not come"))

    async def hold(self, command: HoldSeatsCommand) -> ReservationId:
        return await HoldSeats(self._transactor, self._retrying, TOKENS, self._bookings, FixedClock(NOW), self._ids)(command)

    async def pay(self) -> UUID:
        command = PayCommand(user_id=FAN, reservation_id=HELD, queue_token=SHOWN, idempotency_key="k")
        return (await Pay(self._transactor, self._retrying, TOKENS, self._ids)(command)).payment

    async def cancel(self) -> Cancellation:
        end = PaymentEnd(self._bookings, Patience(self._time))  # type: ignore[arg-type]
        cancel = CancelReservation(self._transactor, self._retrying, self._bookings, end)
        return await cancel(CancelReservationCommand(user_id=FAN, reservation_id=HELD, idempotency_key="c"))

    @property
    def balance(self) -> Won:
        balance: Won = self.scene.rows["point_accounts"][FAN].balance
        return balance


@pytest.fixture
def office() -> Office:
    office = Office()
    office.lose_the_next_answer()
    return office


async def test_a_payment_is_found_and_its_points_left_once(office: Office) -> None:
    paid = await office.pay()
    assert [payment.id.payment for payment in office.scene.all("payments")] == [paid]
    assert (office.balance, len(office.scene.all("tickets")), len(office.scene.all("outbox"))) == (200_000, 2, 1)
    assert office.database.commits == 2


async def test_a_hold_is_found_and_counts_once(office: Office) -> None:
    shown = TOKENS.sign(token(RIVAL))
    command = HoldSeatsCommand(user_id=RIVAL, performance_id=PERFORMANCE, seat_ids=SEATS[2:4], queue_token=shown, idempotency_key="k")
    held = await office.hold(command)
    assert set(office.scene.rows["reservations"]) == {HELD, held}
    rival = office.scene.rows["buyers"][BuyerId(CONCERT, RIVAL)]
    assert (rival.held, rival.open_reservation_id) == (2, held)
    assert office.database.commits == 2


async def test_a_hold_that_was_let_go_is_found_to_be(office: Office) -> None:
    assert await office.cancel() == Cancellation(reservation_id=HELD, refunded_points=ZERO, refunded_card=ZERO, pending=None)
    assert office.scene.rows["reservations"][HELD].status is ReservationStatus.CANCELLED
    assert office.database.commits == 2


async def test_a_refund_is_found_and_its_points_came_back_once(office: Office) -> None:
    office.database.lost_answers.clear()
    await office.pay()
    office.lose_the_next_answer()
    assert await office.cancel() == Cancellation(reservation_id=HELD, refunded_points=Won(100_000))
    assert (office.balance, [entry.amount for entry in office.scene.all("ledger")]) == (300_000, [-100_000, 100_000])
    assert office.database.commits == 3
