"""While tickets cannot be written, nobody's payment is begun, and none that has begun is ended by that."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from application.booking.pay import Pay, PayCommand
from application.booking.ticket_issuance import CIRCUIT, TicketIssuance
from application.event_listeners import LISTENERS
from application.ports.unit_of_work import Transaction
from application.queueing.queue_tokens import QueueTokens
from application.retrying import Retrying
from application.transactor import Transactor
from domain.errors import InsufficientPoints, NotCommitted, OutcomeUnknown, ServiceUnavailable, Step, TicketIssuanceFailed
from domain.ids import UserId
from domain.money import Won
from domain.payment import PaymentStatus
from domain.point_account import PointAccount
from domain.reservation import ReservationStatus
from tests.adapters.breaker.guards import Guards
from tests.application.booking.scene import FAN, NOW, RIVAL, SEATS, Scene, reservation_id, token
from tests.application.recovery.test_payment_saga import minting, pinning
from tests.application.test_retrying import FullChance
from tests.application.test_transactor import Told
from tests.fakes.memory_unit_of_work import MemoryUnitOfWork

TOKENS = QueueTokens({"k1": b"x" * 32})


class Ids:
    def __init__(self) -> None:
        self.made = 70

    def new_id(self) -> UUID:
        self.made += 1
        return UUID(int=self.made)


class House(Guards):
    """A box office whose database refuses tickets when told to; two fans hold seats."""

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene()
        self.scene.hold(10, SEATS[0])
        self.scene.hold(11, SEATS[1], user_id=RIVAL)
        self.database = MemoryUnitOfWork(lambda: NOW)
        self.database.rows = self.scene.rows
        self.decided = 0
        transactor = Transactor(self.database, LISTENERS, Told(), self.metrics)
        self.retrying = Retrying(self.time, FullChance(), self.metrics)
        self.issuance = TicketIssuance(self.breaker)
        self.pay = Pay(transactor, self.retrying, TOKENS, Ids(), self.issuance)

    def refuse(self, times: int, step: Step | None = Step.TICKET_ISSUANCE) -> None:
        self.database.faults.extend([self._fault(NotCommitted(step=step))] * times)

    def _fault(self, fault: Exception) -> Any:
        def at_commit(_: Transaction[Any]) -> Exception:
            return fault

        return at_commit

    def lose_answers(self, times: int) -> None:
        self.database.lost_answers.extend([self._fault(OutcomeUnknown())] * times)

    def command(self, number: int = 10, user_id: UserId = FAN, key: str = "k") -> PayCommand:
        shown = TOKENS.sign(token(user_id))
        return PayCommand(user_id=user_id, reservation_id=reservation_id(number), queue_token=shown, idempotency_key=key)

    async def break_down(self) -> None:
        """Until the circuit is open: three tries of one payment."""
        self.refuse(3)
        with pytest.raises(ServiceUnavailable):
            await self.pay(self.command())


@pytest.fixture
def house() -> House:
    return House()


async def test_faults_of_ticket_issuance_open_it_and_the_next_payment_is_refused_at_once(house: House) -> None:
    await house.break_down()
    slept = house.time.now
    with pytest.raises(TicketIssuanceFailed) as refused:
        await house.pay(house.command(11, RIVAL))
    assert refused.value.refunded is False
    assert house.time.now == slept
    assert (house.scene.all("payments"), house.scene.all("tickets"), house.scene.all("outbox")) == ([], [], [])
    reservation = house.scene.rows["reservations"][reservation_id(11)]
    assert (reservation.status, reservation.expires_at) == (ReservationStatus.PENDING, NOW + timedelta(minutes=5))
    assert house.scene.rows["point_accounts"][RIVAL].balance == 300_000


async def test_after_the_cool_down_a_payment_closes_it(house: House) -> None:
    await house.break_down()
    house.time.now += 31
    await house.pay(house.command(11, RIVAL))
    await house.pay(house.command())
    assert [payment.status for payment in house.scene.all("payments")] == [PaymentStatus.COMPLETED] * 2
    assert len(house.scene.all("tickets")) == 2


@pytest.mark.parametrize("step", [None, Step.POINT_DEDUCTION, Step.OUTBOX])
async def test_faults_of_other_steps_leave_it_closed(house: House, step: Step | None) -> None:
    house.refuse(30, step)
    for _ in range(5):
        with pytest.raises(ServiceUnavailable):
            await house.pay(house.command())
    house.database.faults.clear()
    assert await house.issuance.is_possible()
    await house.pay(house.command())


async def test_refusals_neither_open_nor_close_it(house: House) -> None:
    house.scene.rows["point_accounts"][FAN] = PointAccount(user_id=FAN, balance=Won(0))
    for _ in range(10):
        with pytest.raises(InsufficientPoints):
            await house.pay(house.command())
    assert await house.issuance.is_possible()
    house.scene.rows["point_accounts"][FAN] = PointAccount(user_id=FAN, balance=Won(300_000))
    await house.break_down()
    house.time.now += 31
    house.scene.rows["point_accounts"][RIVAL] = PointAccount(user_id=RIVAL, balance=Won(0))
    with pytest.raises(InsufficientPoints):
        await house.pay(house.command(11, RIVAL))
    # Half-open still: one fault opens it.
    house.refuse(1)
    with pytest.raises(TicketIssuanceFailed):
        await house.pay(house.command())


async def test_who_has_paid_and_asks_again_gets_the_payment_though_it_is_open(house: House) -> None:
    paid = await house.pay(house.command(11, RIVAL))
    await house.break_down()
    assert await house.pay(house.command(11, RIVAL)) == paid
    assert not await house.issuance.is_possible()


async def test_an_earlier_payment_found_again_does_not_close_it(house: House) -> None:
    paid = await house.pay(house.command(11, RIVAL))
    await house.break_down()
    house.time.now += 31
    assert await house.pay(house.command(11, RIVAL)) == paid
    house.refuse(1)
    with pytest.raises(TicketIssuanceFailed):
        await house.pay(house.command())


async def test_an_attempt_whose_answer_was_lost_before_it_opened_is_found(house: House) -> None:
    """The first try is committed, its answer lost; before the second one, others have opened the circuit."""
    issuance = house.issuance

    async def others_fail() -> str:
        raise NotCommitted(step=Step.TICKET_ISSUANCE)

    class OthersFailMeanwhile(Retrying):
        async def _wait_or_give_up(self, *arguments: Any) -> None:
            for _ in range(3):
                with pytest.raises(NotCommitted):
                    await issuance.paying(others_fail, issued=lambda _: True)

    house.pay._retrying = OthersFailMeanwhile(house.time, FullChance(), house.metrics)
    house.lose_answers(1)
    paid = await house.pay(house.command())
    assert [payment.id for payment in house.scene.all("payments")] == [paid]
    assert house.metrics.counts["concert_circuit_rejections_total", CIRCUIT] == 1


async def test_a_caller_waits_for_five_tries_in_all_though_it_opens_in_between(house: House) -> None:
    """The first would pay; four look for an earlier payment, and the database does not answer them either."""
    issuing: list[bool] = []

    class Away:
        async def run(self, transaction: Any) -> Any:
            issuing.append(transaction.issuing)
            if len(issuing) == 1:
                await house.break_down()  # others do
            raise NotCommitted("away")

    pay = Pay(Away(), house.retrying, TOKENS, Ids(), house.issuance)  # type: ignore[arg-type]
    with pytest.raises(ServiceUnavailable):
        await pay(house.command())
    assert issuing == [True, False, False, False, False]


async def test_what_has_been_charged_is_completed_though_it_is_open_and_its_end_is_heard(house: House) -> None:
    await house.break_down()
    made: list[str] = []

    async def completing() -> str:
        made.append("completed")
        return "done"

    assert await house.issuance.completing(completing, issued=lambda _: True) == "done"
    assert (made, await house.issuance.is_possible()) == (["completed"], False)
    house.time.now += 31
    await house.issuance.completing(completing, issued=lambda _: True)
    assert (made, await house.issuance.is_possible()) == (["completed"] * 2, True)
    assert house.metrics.gauges["concert_circuit_state", CIRCUIT] == 0


def test_no_card_is_asked_while_tickets_cannot_be_issued_but_an_attempt_under_way_is_found() -> None:
    scene = Scene()
    scene.hold(10, *SEATS[:2])
    scene.run(minting())
    with pytest.raises(TicketIssuanceFailed) as refused:
        scene.run(replace(pinning(), issuing=False))
    assert refused.value.refunded is False
    assert (scene.all("payments"), scene.all("errands")) == ([], [])
    attempt = scene.run(pinning())
    assert scene.run(replace(pinning(), issuing=False)) == attempt
    assert scene.run(replace(pinning(key="another"), issuing=False)) == attempt
