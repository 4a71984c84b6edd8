import asyncio
from collections.abc import Awaitable, Callable

import pytest

from application.retrying import Retrying
from domain.errors import InsufficientPoints, NotCommitted, OutcomeUnknown, ServiceUnavailable, Stale, Step
from domain.money import Won


class FakeTime:
    """Time that passes only in sleep."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def elapsed(self) -> float:
        return sum(self.slept)


class FullChance:
    def chance(self) -> float:
        return 1.0


class Counted:
    def __init__(self) -> None:
        self.counts: list[tuple[str, dict[str, str]]] = []

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        self.counts.append((name, labels))

    def observe(self, name: str, seconds: float, **labels: str) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...


def failing(*faults: BaseException | None) -> tuple[Callable[[], Awaitable[str]], list[int]]:
    """An attempt that raises these, one a call, and then succeeds; None succeeds at once."""
    left, calls = list(faults), [0]

    async def attempt() -> str:
        calls[0] += 1
        if left and (fault := left.pop(0)) is not None:
            raise fault
        return "done"

    return attempt, calls


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def metrics() -> Counted:
    return Counted()


@pytest.fixture
def retrying(time: FakeTime, metrics: Counted) -> Retrying:
    return Retrying(time, FullChance(), metrics)


@pytest.mark.parametrize("fault", [NotCommitted(), OutcomeUnknown()])
async def test_a_fault_that_may_be_gone_is_tried_again(retrying: Retrying, fault: Exception) -> None:
    attempt, calls = failing(fault)
    assert await retrying(Step.PAYMENT, attempt) == "done"
    assert calls == [2]


async def test_a_refusal_is_not_tried_again(retrying: Retrying) -> None:
    attempt, calls = failing(InsufficientPoints(Won(1), Won(2)))
    with pytest.raises(InsufficientPoints):
        await retrying(Step.PAYMENT, attempt)
    assert calls == [1]


async def test_the_fifth_failure_of_a_payment_ends_it_and_the_waits_grew(retrying: Retrying, time: FakeTime) -> None:
    attempt, calls = failing(*(NotCommitted() for _ in range(9)))
    with pytest.raises(ServiceUnavailable) as refused:
        await retrying(Step.PAYMENT, attempt)
    assert calls == [5]
    assert time.slept == [0.05, 0.1, 0.2, 0.4]
    assert refused.value.retry_after_seconds == 2


async def test_the_failing_steps_own_budget_decides(retrying: Retrying) -> None:
    attempt, calls = failing(*(NotCommitted(step=Step.TICKET_ISSUANCE) for _ in range(9)))
    with pytest.raises(ServiceUnavailable):
        await retrying(Step.PAYMENT, attempt)
    assert calls == [3]


async def test_each_step_has_its_own_budget(retrying: Retrying) -> None:
    attempt, calls = failing(
        NotCommitted(step=Step.TICKET_ISSUANCE), NotCommitted(), NotCommitted(step=Step.TICKET_ISSUANCE), NotCommitted(), None
    )
    assert await retrying(Step.PAYMENT, attempt) == "done"
    assert calls == [5]


async def test_stale_is_looked_up_anew_three_times_in_all_without_a_wait(retrying: Retrying, time: FakeTime) -> None:
    attempt, calls = failing(Stale(), Stale())
    assert await retrying(Step.PAYMENT, attempt) == "done"
    attempt, calls = failing(Stale(), Stale(), Stale())
    with pytest.raises(Stale):
        await retrying(Step.PAYMENT, attempt)
    assert calls == [3]
    assert time.slept == []


async def test_nobody_waits_longer_than_their_patience(time: FakeTime, metrics: Counted) -> None:
    retrying = Retrying(time, FullChance(), metrics, patience=0.2)
    attempt, calls = failing(*(NotCommitted() for _ in range(9)))
    with pytest.raises(ServiceUnavailable):
        await retrying(Step.PAYMENT, attempt)
    assert calls == [3]
    assert time.slept == [0.05, 0.1]


async def test_every_fault_is_counted_by_step_and_by_the_reports_kinds_and_written_down(
    retrying: Retrying, metrics: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    attempt, _ = failing(NotCommitted("no room", step=Step.OUTBOX, shortage=True), OutcomeUnknown("no answer"))
    await retrying(Step.PAYMENT, attempt)
    assert metrics.counts == [
        ("concert_failures_total", {"step": "outbox", "kind": "lack_of_resource"}),
        ("concert_failures_total", {"step": "payment", "kind": "slow_query_io"}),
    ]
    told = [{name: vars(record)[name] for name in ("step", "kind", "fault", "detail", "failures", "given_up")} for record in caplog.records]
    assert told == [
        {"step": "outbox", "kind": "lack_of_resource", "fault": "NotCommitted", "detail": "no room", "failures": 1, "given_up": False},
        {"step": "payment", "kind": "slow_query_io", "fault": "OutcomeUnknown", "detail": "no answer", "failures": 1, "given_up": False},
    ]


async def test_the_last_failure_is_counted_too(retrying: Retrying, metrics: Counted, caplog: pytest.LogCaptureFixture) -> None:
    attempt, _ = failing(*(NotCommitted() for _ in range(9)))
    with pytest.raises(ServiceUnavailable):
        await retrying(Step.PAYMENT, attempt)
    assert metrics.counts == [("concert_failures_total", {"step": "payment", "kind": "slow_query_io"})] * 5
    assert [vars(record)["given_up"] for record in caplog.records] == [False, False, False, False, True]


async def test_a_try_that_hangs_is_not_waited_for(time: FakeTime, metrics: Counted) -> None:
    async def hang() -> str:
        await asyncio.Event().wait()
        return "never"

    with pytest.raises(ServiceUnavailable) as refused:
        await Retrying(time, FullChance(), metrics, patience=0.05)(Step.PAYMENT, hang)
    assert refused.value.retry_after_seconds == 2
    assert metrics.counts == [("concert_failures_total", {"step": "payment", "kind": "slow_query_io"})]
