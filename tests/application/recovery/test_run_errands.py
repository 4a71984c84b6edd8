"""Every class of answer leads where the tables say, and every road ends in proof or with a person."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from application.ports.gateway_errands import DueErrand, NextStep
from application.ports.payment_gateway import (
    CURRENCY,
    AnswerClass,
    CancelRequest,
    ConfirmRequest,
    GatewayAnswer,
    GatewayPayment,
    GatewayStatus,
)
from application.recovery.gateway_answers import CANCEL, CANCEL_STATED, CONFIRM, CONFIRM_STATED, Move
from application.recovery.run_errands import LOOK_BACK_AGAIN_AFTER, LOOK_UP_AFTER, SEND_AGAIN_AFTER, SEND_LATER_AFTER, RunErrands
from domain.errors import GatewayUnavailable, ServiceUnavailable
from domain.gateway_errand import ErrandId, ErrandKind, ErrandState, GatewayErrand
from domain.ids import ConcertId, PaymentId
from domain.money import Won
from domain.payment_order import order_id_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ATTEMPT = PaymentId(ConcertId(UUID(int=1)), UUID(int=2), UUID(int=80))
ORDER = order_id_of(ATTEMPT)


class OneErrand:
    """The errands port over a single row, and what was done to it."""

    def __init__(self, due: DueErrand, lease_lost: bool = False) -> None:
        self.due = due
        self.lease_lost = lease_lost
        self.postponed: list[tuple[NextStep, float, str]] = []
        self.taken_back: list[int] = []

    async def claim(self, owner: str, limit: int, lease_seconds: int) -> Sequence[DueErrand]:
        return [self.due]

    async def begin_send(self, owner: str, errand_id: ErrandId) -> bool:
        return not self.lease_lost

    async def postpone(
        self,
        owner: str,
        errand_id: ErrandId,
        next_step: NextStep,
        seconds: float,
        note: str,
        *,
        sends: int | None = None,
        counts: bool = True,
    ) -> None:
        self.postponed.append((next_step, seconds, note))
        looked = counts and next_step is not NextStep.SEND
        self.due = replace(self.due, next_step=next_step, look_ups=self.due.look_ups + looked)
        if sends is not None:
            self.taken_back.append(sends)


class ScriptedGateway:
    def __init__(self, answer: GatewayAnswer | None = None, found: GatewayPayment | Exception | None = None) -> None:
        self.answer = answer
        self.found = found
        self.asked: list[str] = []

    async def confirm(self, request: ConfirmRequest) -> GatewayAnswer:
        self.asked.append(f"confirm {request.idempotency_key}")
        assert self.answer is not None
        return self.answer

    async def cancel(self, request: CancelRequest) -> GatewayAnswer:
        self.asked.append(f"cancel {request.idempotency_key}")
        assert self.answer is not None
        return self.answer

    async def look_up(self, order_id: str) -> GatewayPayment | None:
        self.asked.append("look up")
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


class Settled:
    def __init__(self, fault: Exception | None = None) -> None:
        self.moves: list[tuple[Move, str]] = []
        self.fault = fault

    async def __call__(self, errand: GatewayErrand, move: Move, code: str, now: datetime, look_ups: int) -> None:
        if self.fault is not None:
            raise self.fault
        self.moves.append((move, code))


class Alerts:
    def __init__(self) -> None:
        self.told: list[str] = []

    def tell(self, alert: str, **facts: str) -> None:
        self.told.append(alert)


def due(
    kind: ErrandKind = ErrandKind.CONFIRM,
    step: NextStep = NextStep.SEND,
    *,
    sends: int = 0,
    look_ups: int = 0,
    begun_ago: float | None = None,
) -> DueErrand:
    errand = GatewayErrand(
        id=ErrandId(ATTEMPT.concert_id, ATTEMPT.payment, kind),
        order_id=ORDER,
        payment_key="pk",
        amount=Won(70_000),
        state=ErrandState.OPEN,
        created_at=NOW,
    )
    begun_at = None if begun_ago is None else NOW - timedelta(seconds=begun_ago)
    return DueErrand(errand=errand, next_step=step, begun_at=begun_at, sends=sends, look_ups=look_ups, now=NOW)


def stated(status: GatewayStatus, *, amount: int = 70_000, key: str = "pk", currency: str = CURRENCY, order: str = ORDER) -> GatewayPayment:
    return GatewayPayment(
        order_id=order,
        payment_key=key,
        status=status,
        amount=Won(amount),
        currency=currency,
        cancelled_amount=Won(amount if status is GatewayStatus.CANCELED else 0),
    )


class Errand:
    """One pass over one errand."""

    def __init__(self, due: DueErrand, gateway: ScriptedGateway, *, lease_lost: bool = False, fault: Exception | None = None) -> None:
        self.errands, self.gateway, self.settled, self.alerts = OneErrand(due, lease_lost), gateway, Settled(fault), Alerts()

    async def run(self) -> "Errand":
        await RunErrands(self.errands, self.gateway, self.settled, self.alerts, "worker")()  # type: ignore[arg-type]
        return self


def test_the_tables_have_a_cell_for_every_answer_and_every_state() -> None:
    assert set(CONFIRM) == set(CANCEL) == set(AnswerClass) - {AnswerClass.STATED}
    assert set(CONFIRM_STATED) == set(CANCEL_STATED) == set(GatewayStatus)


@pytest.mark.parametrize(
    ("answer", "moves", "postponed", "asked"),
    [
        (AnswerClass.DECLINED, [(Move.FAIL, "C")], [], ["confirm"]),
        (AnswerClass.RETRY_SAME_KEY, [], [(NextStep.SEND, SEND_AGAIN_AFTER[0], "C")], ["confirm"]),
        (AnswerClass.RETRY_LATER, [], [(NextStep.SEND, SEND_LATER_AFTER[0], "C")], ["confirm"]),
        (AnswerClass.UNKNOWN, [(Move.DOUBT, "C")], [(NextStep.LOOK_UP, LOOK_UP_AFTER[0], "C")], ["confirm"]),
        (AnswerClass.REFUSED_FOR_GOOD, [(Move.DOUBT, "C")], [(NextStep.LOOK_UP, LOOK_UP_AFTER[0], "C")], ["confirm"]),
        (AnswerClass.OUR_FAULT, [(Move.FAIL, "C")], [], ["confirm", "look up"]),
        (AnswerClass.SESSION_EXPIRED, [(Move.FAIL, "C")], [], ["confirm", "look up"]),
    ],
)
async def test_a_confirmations_answer(
    answer: AnswerClass, moves: list[tuple[Move, str]], postponed: list[tuple[NextStep, float, str]], asked: list[str]
) -> None:
    errand = await Errand(due(), ScriptedGateway(GatewayAnswer(kind=answer, code="C"))).run()
    assert errand.settled.moves == moves
    assert errand.errands.postponed == postponed
    assert [question.split()[0] for question in errand.gateway.asked] == [question.split()[0] for question in asked]


async def test_a_key_is_made_of_the_attempt_and_the_kind_and_never_changes() -> None:
    for kind, name in ((ErrandKind.CONFIRM, "confirm"), (ErrandKind.CANCEL, "cancel")):
        errand = await Errand(due(kind), ScriptedGateway(GatewayAnswer(kind=AnswerClass.UNKNOWN))).run()
        assert errand.gateway.asked == [f"{name} {name}:{ATTEMPT.payment}"]


@pytest.mark.parametrize(
    ("status", "move"),
    [
        (GatewayStatus.OPEN, Move.DOUBT),
        (GatewayStatus.DONE, Move.COMPLETE),
        (GatewayStatus.ABORTED, Move.FAIL),
        (GatewayStatus.EXPIRED, Move.FAIL),
        (GatewayStatus.CANCELED, Move.FAIL),
        (GatewayStatus.PARTIAL_CANCELED, Move.HAND_OVER),
    ],
)
async def test_what_the_gateway_states_of_a_confirmation(status: GatewayStatus, move: Move) -> None:
    answer = GatewayAnswer(kind=AnswerClass.STATED, payment=stated(status))
    errand = await Errand(due(), ScriptedGateway(answer)).run()
    assert errand.settled.moves == [(move, status)]


@pytest.mark.parametrize("answer", [AnswerClass.ALREADY_PROCESSED, AnswerClass.OUR_FAULT, AnswerClass.SESSION_EXPIRED])
async def test_what_was_done_before_is_believed_after_a_look(answer: AnswerClass) -> None:
    errand = await Errand(due(), ScriptedGateway(GatewayAnswer(kind=answer), found=stated(GatewayStatus.DONE))).run()
    assert errand.settled.moves == [(Move.COMPLETE, "DONE")]


@pytest.mark.parametrize(
    "other",
    [
        stated(GatewayStatus.DONE, amount=69_999),
        stated(GatewayStatus.DONE, key="another"),
        stated(GatewayStatus.DONE, currency="USD"),
        stated(GatewayStatus.DONE, order="another"),
    ],
)
async def test_a_charge_that_is_not_exactly_this_attempts_proves_nothing_alarms_and_ends_with_a_person(other: GatewayPayment) -> None:
    young = await Errand(due(), ScriptedGateway(GatewayAnswer(kind=AnswerClass.STATED, payment=other))).run()
    assert young.settled.moves == [(Move.DOUBT, "MISMATCH")]
    assert young.errands.postponed == [(NextStep.LOOK_UP, LOOK_UP_AFTER[0], "MISMATCH")]
    old = await Errand(due(step=NextStep.LOOK_UP, begun_ago=9_999), ScriptedGateway(found=other)).run()
    assert old.settled.moves == [(Move.HAND_OVER, "MISMATCH")]
    assert young.alerts.told == old.alerts.told == ["gateway-mismatch"]


@pytest.mark.parametrize("status", [GatewayStatus.OPEN, GatewayStatus.ABORTED, GatewayStatus.EXPIRED])
async def test_a_wrong_payment_key_pages_nobody_and_ends_when_the_gateways_time_is_over(status: GatewayStatus) -> None:
    others = stated(status, key="another")
    young = await Errand(due(step=NextStep.LOOK_UP, begun_ago=60), ScriptedGateway(found=others)).run()
    assert young.settled.moves == [(Move.DOUBT, "ANOTHERS")]
    old = await Errand(due(step=NextStep.LOOK_UP, begun_ago=9_999), ScriptedGateway(found=others)).run()
    assert old.settled.moves == [(Move.FAIL, "ANOTHERS")]
    assert young.alerts.told == old.alerts.told == []


@pytest.mark.parametrize("answer", [AnswerClass.OUR_FAULT, AnswerClass.SESSION_EXPIRED])
async def test_a_refusal_is_not_believed_while_an_earlier_request_may_still_charge(answer: AnswerClass) -> None:
    errand = await Errand(due(sends=4, begun_ago=120), ScriptedGateway(GatewayAnswer(kind=answer, code="C"), found=None)).run()
    assert errand.settled.moves == [(Move.DOUBT, "NOT_FOUND")]
    assert [step for step, _, _ in errand.errands.postponed] == [NextStep.LOOK_UP]


async def test_a_worker_that_was_stopped_beyond_its_lease_sends_nothing() -> None:
    errand = await Errand(due(), ScriptedGateway(), lease_lost=True).run()
    assert (errand.gateway.asked, errand.settled.moves, errand.errands.postponed) == ([], [], [])


@pytest.mark.parametrize("found", [None, stated(GatewayStatus.OPEN)])
async def test_an_attempt_in_doubt_is_sent_again_under_its_key_while_it_is_young(found: GatewayPayment | None) -> None:
    errand = await Errand(due(step=NextStep.LOOK_UP, sends=1, begun_ago=5), ScriptedGateway(found=found)).run()
    assert errand.errands.postponed == [(NextStep.SEND, SEND_AGAIN_AFTER[1], "NOT_FOUND" if found is None else "OPEN")]


@pytest.mark.parametrize(("begun_ago", "closes"), [(600, False), (719, False), (720, True), (7_200, True)])
async def test_it_is_given_up_only_when_a_stopped_worker_can_no_longer_have_it_charged(begun_ago: float, closes: bool) -> None:
    errand = await Errand(due(step=NextStep.LOOK_UP, sends=4, begun_ago=begun_ago), ScriptedGateway(found=None)).run()
    assert errand.settled.moves == [(Move.FAIL if closes else Move.DOUBT, "NOT_FOUND")]
    assert bool(errand.errands.postponed) is not closes


async def test_a_gateway_that_cannot_be_asked_is_asked_again_at_growing_intervals() -> None:
    waits = []
    for look_ups in range(7):
        errand = await Errand(
            due(step=NextStep.LOOK_UP, look_ups=look_ups, begun_ago=9_999), ScriptedGateway(found=GatewayUnavailable())
        ).run()
        waits.append(errand.errands.postponed[0][1])
    assert waits == [2.0, 5.0, 15.0, 60.0, 300.0, 300.0, 300.0]


async def test_a_gateway_that_is_away_is_no_proof_however_old_the_attempt() -> None:
    errand = await Errand(due(step=NextStep.LOOK_UP, begun_ago=99_999), ScriptedGateway(found=GatewayUnavailable())).run()
    assert errand.settled.moves in ([(Move.DOUBT, "UNAVAILABLE")], [])
    assert errand.errands.postponed[0][0] is NextStep.LOOK_UP


async def test_later_has_a_budget_and_then_a_look_up_decides() -> None:
    answer = GatewayAnswer(kind=AnswerClass.RETRY_LATER, code="MAINTAINED_METHOD")
    errand = await Errand(due(sends=4, begun_ago=120), ScriptedGateway(answer, found=None)).run()
    assert errand.settled.moves == [(Move.DOUBT, "NOT_FOUND")]
    assert errand.alerts.told == ["gateway-refuses"]


@pytest.mark.parametrize(("answer", "alerts"), [(AnswerClass.OUR_FAULT, ["gateway-refuses"]), (AnswerClass.SESSION_EXPIRED, [])])
async def test_a_persons_stale_checkout_pages_nobody(answer: AnswerClass, alerts: list[str]) -> None:
    assert (await Errand(due(), ScriptedGateway(GatewayAnswer(kind=answer))).run()).alerts.told == alerts


@pytest.mark.parametrize(
    ("status", "moves", "steps"),
    [
        (GatewayStatus.DONE, [(Move.STAND_AGAIN, "NOT_CANCELABLE_PAYMENT")], []),
        (GatewayStatus.CANCELED, [(Move.REFUNDED, "CANCELED")], []),
        (None, [(Move.DOUBT, "NOT_FOUND")], [NextStep.LOOK_UP]),
    ],
)
async def test_a_refused_refund_is_believed_after_a_look(
    status: GatewayStatus | None, moves: list[tuple[Move, str]], steps: list[NextStep]
) -> None:
    answer = GatewayAnswer(kind=AnswerClass.REFUSED_FOR_GOOD, code="NOT_CANCELABLE_PAYMENT")
    errand = await Errand(due(ErrandKind.CANCEL), ScriptedGateway(answer, found=None if status is None else stated(status))).run()
    assert errand.settled.moves == moves
    assert [step for step, _, _ in errand.errands.postponed] == steps


@pytest.mark.parametrize(
    ("answer", "moves", "steps"),
    [
        (AnswerClass.DECLINED, [(Move.HAND_OVER, "C")], []),
        (AnswerClass.SESSION_EXPIRED, [(Move.HAND_OVER, "C")], []),
        (AnswerClass.UNKNOWN, [(Move.DOUBT, "C")], [NextStep.LOOK_UP]),
        (AnswerClass.RETRY_SAME_KEY, [], [NextStep.SEND]),
        (AnswerClass.RETRY_LATER, [], [NextStep.SEND]),
        (AnswerClass.OUR_FAULT, [], [NextStep.SEND]),
    ],
)
async def test_a_cancellations_answer(answer: AnswerClass, moves: list[tuple[Move, str]], steps: list[NextStep]) -> None:
    errand = await Errand(due(ErrandKind.CANCEL), ScriptedGateway(GatewayAnswer(kind=answer, code="C"))).run()
    assert errand.settled.moves == moves
    assert [step for step, _, _ in errand.errands.postponed] == steps


@pytest.mark.parametrize(
    ("status", "moves", "steps"),
    [
        (GatewayStatus.OPEN, [(Move.HAND_OVER, "OPEN")], []),
        (GatewayStatus.DONE, [], [NextStep.SEND]),
        (GatewayStatus.ABORTED, [(Move.HAND_OVER, "ABORTED")], []),
        (GatewayStatus.EXPIRED, [(Move.HAND_OVER, "EXPIRED")], []),
        (GatewayStatus.CANCELED, [(Move.REFUNDED, "CANCELED")], []),
        (GatewayStatus.PARTIAL_CANCELED, [(Move.HAND_OVER, "PARTIAL_CANCELED")], []),
    ],
)
@pytest.mark.parametrize("asked", ["looked up", "answered", "done before"])
async def test_what_the_gateway_states_of_a_cancellation(
    status: GatewayStatus, moves: list[tuple[Move, str]], steps: list[NextStep], asked: str
) -> None:
    """In a look-up, in the answer itself, or after an answer that it was done before."""
    if asked == "looked up":
        errand = Errand(due(ErrandKind.CANCEL, NextStep.LOOK_UP, begun_ago=5), ScriptedGateway(found=stated(status)))
    elif asked == "answered":
        errand = Errand(due(ErrandKind.CANCEL), ScriptedGateway(GatewayAnswer(kind=AnswerClass.STATED, payment=stated(status))))
    else:
        answer = GatewayAnswer(kind=AnswerClass.ALREADY_PROCESSED)
        errand = Errand(due(ErrandKind.CANCEL), ScriptedGateway(answer, found=stated(status)))
    await errand.run()
    assert errand.settled.moves == moves
    assert [step for step, _, _ in errand.errands.postponed] == steps


OTHER_SUM = replace(stated(GatewayStatus.CANCELED), cancelled_amount=Won(69_999))


@pytest.mark.parametrize(
    ("found", "code", "alerts"),
    [
        (None, "NOT_FOUND", []),
        (stated(GatewayStatus.CANCELED, key="another"), "ANOTHERS", []),
        (stated(GatewayStatus.DONE, key="another"), "MISMATCH", ["gateway-mismatch"]),
        (OTHER_SUM, "MISMATCH", ["gateway-mismatch"]),
    ],
)
async def test_a_refund_that_no_look_up_proves_ends_with_a_person_when_the_gateways_time_is_over(
    found: GatewayPayment | None, code: str, alerts: list[str]
) -> None:
    young = await Errand(due(ErrandKind.CANCEL, NextStep.LOOK_UP, begun_ago=719), ScriptedGateway(found=found)).run()
    assert young.settled.moves == [(Move.DOUBT, code)]
    assert [step for step, _, _ in young.errands.postponed] == [NextStep.LOOK_UP]
    old = await Errand(due(ErrandKind.CANCEL, NextStep.LOOK_UP, begun_ago=720), ScriptedGateway(found=found)).run()
    assert (old.settled.moves, old.errands.postponed) == ([(Move.HAND_OVER, code)], [])
    assert young.alerts.told == old.alerts.told == alerts


async def test_a_refund_is_never_given_up() -> None:
    answer = GatewayAnswer(kind=AnswerClass.RETRY_LATER)
    errand = await Errand(due(ErrandKind.CANCEL, sends=99), ScriptedGateway(answer)).run()
    assert [step for step, _, _ in errand.errands.postponed] == [NextStep.SEND]
    assert errand.alerts.told == ["gateway-refuses"]


async def test_what_cannot_be_written_now_is_learned_again() -> None:
    answer = GatewayAnswer(kind=AnswerClass.STATED, payment=stated(GatewayStatus.DONE))
    errand = await Errand(due(), ScriptedGateway(answer), fault=ServiceUnavailable()).run()
    assert errand.errands.postponed == [(NextStep.LOOK_UP, LOOK_UP_AFTER[0], "NOT_WRITTEN")]


@pytest.mark.parametrize("kind", ErrandKind)
@pytest.mark.parametrize("sends", [0, 3, 100])
async def test_a_gateway_that_is_left_alone_costs_no_try_and_ends_nothing(kind: ErrandKind, sends: int) -> None:
    not_sent = GatewayAnswer(kind=AnswerClass.RETRY_SAME_KEY, code="CIRCUIT_OPEN", retry_after=30.0, left=False)
    errand = await Errand(due(kind, sends=sends), ScriptedGateway(not_sent)).run()
    assert errand.errands.postponed == [(NextStep.SEND, 30.0, "CIRCUIT_OPEN")]
    assert errand.errands.taken_back == [sends]
    assert (errand.settled.moves, errand.alerts.told) == ([], [])


@pytest.mark.parametrize(
    ("found", "move", "alerts"),
    [
        (stated(GatewayStatus.DONE), Move.COMPLETE, []),
        (stated(GatewayStatus.ABORTED), Move.FAIL, []),
        (stated(GatewayStatus.EXPIRED), Move.FAIL, []),
        (stated(GatewayStatus.CANCELED), Move.FAIL, []),
        (stated(GatewayStatus.PARTIAL_CANCELED), Move.HAND_OVER, []),
        (stated(GatewayStatus.DONE, amount=70_001), Move.HAND_OVER, ["gateway-mismatch"]),
        (stated(GatewayStatus.DONE, key="another"), Move.HAND_OVER, ["gateway-mismatch"]),
    ],
)
async def test_a_failed_attempt_that_is_looked_up_again_is_believed_to_be_charged_only_exactly(
    found: GatewayPayment, move: Move, alerts: list[str]
) -> None:
    errand = await Errand(due(step=NextStep.LOOK_BACK, sends=1, begun_ago=30), ScriptedGateway(found=found)).run()
    assert ([move for move, _ in errand.settled.moves], errand.alerts.told) == ([move], alerts)
    assert (errand.gateway.asked, errand.errands.postponed) == (["look up"], [])


@pytest.mark.parametrize(
    "found", [None, stated(GatewayStatus.OPEN), stated(GatewayStatus.OPEN, amount=1)], ids=["unknown", "open", "another"]
)
async def test_what_the_gateway_cannot_show_yet_gets_a_few_looks_and_is_never_sent(found: GatewayPayment | None) -> None:
    waits = []
    for look_ups in range(6):
        errand = await Errand(due(step=NextStep.LOOK_BACK, look_ups=look_ups, begun_ago=1), ScriptedGateway(found=found)).run()
        waits += [(step, wait) for step, wait, _ in errand.errands.postponed]
        assert errand.gateway.asked == ["look up"]
        assert [move for move, _ in errand.settled.moves] == ([] if look_ups < 5 else [Move.FAIL])
    assert waits == [(NextStep.LOOK_BACK, seconds) for seconds in LOOK_UP_AFTER]


@pytest.mark.parametrize(("fault", "found"), [(None, GatewayUnavailable()), (ServiceUnavailable(), stated(GatewayStatus.DONE))])
async def test_a_look_back_that_cannot_be_finished_stays_one(fault: Exception | None, found: GatewayPayment | Exception) -> None:
    errand = await Errand(due(step=NextStep.LOOK_BACK, look_ups=7, begun_ago=1), ScriptedGateway(found=found), fault=fault).run()
    assert [(step, wait) for step, wait, _ in errand.errands.postponed] == [(NextStep.LOOK_BACK, LOOK_BACK_AGAIN_AFTER)]
    assert errand.errands.due.look_ups == 7, "that was no look"


async def test_a_gateway_that_was_away_gets_its_few_looks_when_it_answers_again() -> None:
    errand = Errand(due(step=NextStep.LOOK_BACK, begun_ago=1), ScriptedGateway(found=GatewayUnavailable()))
    for _ in range(6):
        await errand.run()
    errand.gateway.found = None
    for _ in range(6):
        await errand.run()
    looks = [(NextStep.LOOK_BACK, seconds, "NOT_FOUND") for seconds in LOOK_UP_AFTER]
    assert errand.errands.postponed == [*[(NextStep.LOOK_BACK, LOOK_BACK_AGAIN_AFTER, "UNAVAILABLE")] * 6, *looks]
    assert errand.settled.moves == [(Move.FAIL, "NOT_FOUND")]


async def test_a_late_charge_that_could_not_be_written_is_believed_when_it_can() -> None:
    errand = Errand(
        due(step=NextStep.LOOK_BACK, begun_ago=1), ScriptedGateway(found=stated(GatewayStatus.DONE)), fault=ServiceUnavailable()
    )
    for _ in range(6):
        await errand.run()
    errand.gateway.found, errand.settled.fault = None, None
    await errand.run()
    assert (errand.settled.moves, errand.errands.postponed[-1]) == ([], (NextStep.LOOK_BACK, LOOK_UP_AFTER[0], "NOT_FOUND"))
    errand.gateway.found = stated(GatewayStatus.DONE)
    await errand.run()
    assert errand.settled.moves == [(Move.COMPLETE, "DONE")]
