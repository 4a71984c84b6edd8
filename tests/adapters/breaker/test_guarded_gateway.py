"""What a guarded gateway sends on, and what it answers itself."""

import asyncio
from collections.abc import Callable

import pytest

from adapters.breaker.guarded_gateway import CANCEL, CONFIRM, PROVIDER, GuardedGateway
from adapters.redis.rate_limiter import Rate
from application.ports.payment_gateway import (
    CURRENCY,
    AnswerClass,
    CancelRequest,
    ConfirmRequest,
    GatewayAnswer,
    GatewayPayment,
    GatewayStatus,
)
from application.recovery.gateway_answers import CANCEL as CANCEL_MOVES
from application.recovery.gateway_answers import CONFIRM as CONFIRM_MOVES
from application.recovery.gateway_answers import Move
from domain.errors import GatewayUnavailable
from domain.money import Won
from tests.adapters.breaker.guards import Guards

DONE = GatewayPayment(
    order_id="order-1", payment_key="pk", status=GatewayStatus.DONE, amount=Won(1000), currency=CURRENCY, cancelled_amount=Won(0)
)
STATED = GatewayAnswer(kind=AnswerClass.STATED, payment=DONE)
TIMED_OUT = GatewayAnswer(kind=AnswerClass.UNKNOWN, fault=True)
DECLINED = GatewayAnswer(kind=AnswerClass.DECLINED, code="REJECT_CARD_PAYMENT")
REQUEST = ConfirmRequest(order_id="order-1", payment_key="pk", amount=Won(1000), idempotency_key="confirm:1")
REFUND = CancelRequest(order_id="order-1", payment_key="pk", amount=Won(1000), reason="r", idempotency_key="cancel:1")


class Scripted:
    """Answers each confirm and cancel as it is told at the moment."""

    def __init__(self) -> None:
        self.answer: GatewayAnswer | None = STATED
        self.found: Callable[[], GatewayPayment | None] = lambda: DONE
        self.asked: list[str] = []
        self.seconds = 0.0

    async def confirm(self, request: ConfirmRequest) -> GatewayAnswer:
        return await self._answer("confirm")

    async def cancel(self, request: CancelRequest) -> GatewayAnswer:
        return await self._answer("cancel")

    async def look_up(self, order_id: str) -> GatewayPayment | None:
        self.asked.append(f"look up {order_id}")
        await asyncio.sleep(0)
        return self.found()

    async def _answer(self, what: str) -> GatewayAnswer:
        self.asked.append(what)
        if self.answer is None:
            await asyncio.sleep(30)
        assert self.answer is not None
        return self.answer


class House(Guards):
    def __init__(self, rate: Rate | None = None) -> None:
        super().__init__(PROVIDER, rate=rate)
        self.gateway = Scripted()
        self.guarded = GuardedGateway(self.gateway, self.breaker, self.limiter, self.time.elapsed)

    async def fail(self) -> None:
        """Until the circuit of confirms is open."""
        self.gateway.answer = TIMED_OUT
        for _ in range(3):
            assert await self.guarded.confirm(REQUEST) == TIMED_OUT
        self.gateway.asked.clear()


@pytest.fixture
def house() -> House:
    return House()


async def test_answers_pass_as_they_are(house: House) -> None:
    assert await house.guarded.confirm(REQUEST) is STATED
    assert await house.guarded.cancel(REFUND) is STATED
    assert house.gateway.asked == ["confirm", "cancel"]


async def test_while_open_nothing_is_sent_and_the_answer_says_so(house: House) -> None:
    await house.fail()
    answer = await house.guarded.confirm(REQUEST)
    assert answer == GatewayAnswer(kind=AnswerClass.RETRY_SAME_KEY, code="CIRCUIT_OPEN", retry_after=30.0, left=False)
    assert house.gateway.asked == []
    # Neither a decline nor a refund follows from it, and no try is counted.
    assert (CONFIRM_MOVES[answer.kind], CANCEL_MOVES[answer.kind]) == (Move.SEND_AGAIN, Move.SEND_AGAIN)


async def test_refunds_have_a_circuit_of_their_own(house: House) -> None:
    await house.fail()
    house.gateway.answer = STATED
    assert await house.guarded.cancel(REFUND) is STATED
    assert await house.breaker.refused_for(CANCEL) is None
    assert await house.breaker.refused_for(CONFIRM) == 30.0


async def test_look_ups_pass_an_open_circuit(house: House) -> None:
    await house.fail()
    assert await house.guarded.look_up("order-1") is DONE


async def test_declines_never_open_it(house: House) -> None:
    house.gateway.answer = DECLINED
    for _ in range(20):
        assert await house.guarded.confirm(REQUEST) is DECLINED


async def test_a_declined_probe_leaves_it_half_open_and_a_stated_one_closes_it(house: House) -> None:
    await house.fail()
    house.time.now += 31
    house.gateway.answer = DECLINED
    assert await house.guarded.confirm(REQUEST) is DECLINED
    house.gateway.answer = TIMED_OUT
    assert await house.guarded.confirm(REQUEST) is TIMED_OUT
    assert (await house.guarded.confirm(REQUEST)).code == "CIRCUIT_OPEN"
    house.time.now += 31
    house.gateway.answer = STATED
    await house.guarded.confirm(REQUEST)
    house.gateway.answer = TIMED_OUT
    await house.guarded.confirm(REQUEST)
    assert await house.breaker.refused_for(CONFIRM) is None


async def test_only_faults_count_of_what_is_neither_stated_nor_declined(house: House) -> None:
    for kind in set(AnswerClass) - {AnswerClass.STATED}:
        house.gateway.answer = GatewayAnswer(kind=kind)
        for _ in range(5):
            assert (await house.guarded.confirm(REQUEST)).kind is kind
    assert await house.breaker.refused_for(CONFIRM) is None


async def test_callers_who_leave_open_nothing(house: House) -> None:
    house.gateway.answer = None
    calls = [asyncio.create_task(house.guarded.confirm(REQUEST)) for _ in range(20)]
    await asyncio.sleep(0.01)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert len(house.gateway.asked) == 20
    assert await house.breaker.refused_for(CONFIRM) is None


async def test_too_many_requests_pause_everyone(house: House) -> None:
    house.gateway.answer = GatewayAnswer(kind=AnswerClass.RETRY_LATER, retry_after=7.0, fault=True)
    await house.guarded.confirm(REQUEST)
    house.gateway.answer = STATED
    refused = await house.guarded.cancel(REFUND)
    assert (refused.kind, refused.code) == (AnswerClass.RETRY_SAME_KEY, "RATE_LIMITED")
    assert refused.retry_after == pytest.approx(7.0)
    with pytest.raises(GatewayUnavailable):
        await house.guarded.look_up("order-1")
    assert house.gateway.asked == ["confirm"]
    house.time.now += 7
    assert await house.guarded.cancel(REFUND) is STATED


async def test_calls_are_spread_and_those_too_many_are_not_sent() -> None:
    house = House(Rate(per_second=10, burst=1, patience_seconds=0.55))
    answers = [await house.guarded.confirm(REQUEST) for _ in range(6)]
    assert answers == [STATED] * 6
    assert house.time.now == pytest.approx(1000.5)
    house.time.stands = True
    together = [await house.guarded.confirm(REQUEST) for _ in range(20)]
    # The turns of the next half second.
    assert [answer.code for answer in together] == [None] * 5 + ["RATE_LIMITED"] * 15
    assert len(house.gateway.asked) == 11


async def test_whoever_asks_for_one_order_within_a_second_shares_one_question(house: House) -> None:
    assert await asyncio.gather(*(house.guarded.look_up("order-1") for _ in range(20))) == [DONE] * 20
    assert await house.guarded.look_up("order-1") is DONE
    await house.guarded.look_up("order-2")
    assert house.gateway.asked == ["look up order-1", "look up order-2"]
    house.time.now += 1.0
    await house.guarded.look_up("order-1")
    assert len(house.gateway.asked) == 3


async def test_a_command_makes_what_was_found_old(house: House) -> None:
    await house.guarded.look_up("order-1")
    await house.guarded.cancel(REFUND)
    await house.guarded.look_up("order-1")
    assert house.gateway.asked == ["look up order-1", "cancel", "look up order-1"]


async def test_what_was_asked_before_a_command_is_not_kept_after_it(house: House) -> None:
    asking = asyncio.create_task(house.guarded.look_up("order-1"))
    while not house.gateway.asked:  # noqa: ASYNC110  # a step at a time
        await asyncio.sleep(0)
    await house.guarded.cancel(REFUND)
    await asking
    await house.guarded.look_up("order-1")
    assert house.gateway.asked == ["look up order-1", "cancel", "look up order-1"]


async def test_an_error_is_everyone_s_own_and_is_not_kept(house: House) -> None:
    def away() -> GatewayPayment | None:
        raise GatewayUnavailable("HTTP 503")

    house.gateway.found = away
    ends = await asyncio.gather(*(house.guarded.look_up("order-1") for _ in range(5)), return_exceptions=True)
    assert [str(end) for end in ends] == ["HTTP 503"] * 5
    assert len({id(end) for end in ends}) == 5
    house.gateway.found = lambda: None
    assert await house.guarded.look_up("order-1") is None
    assert len(house.gateway.asked) == 2
