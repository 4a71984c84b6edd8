import pytest

from domain.errors import Step
from domain.retry_policy import RETRY_POLICIES, RetryPolicy


def test_the_budgets_are_the_reports() -> None:
    assert {step: policy.attempts for step, policy in RETRY_POLICIES.items()} == {
        Step.PAYMENT: 5,
        Step.TICKET_ISSUANCE: 3,
        Step.POINT_DEDUCTION: 3,
        Step.TOKEN_EXPIRY: 5,
        Step.OUTBOX: 5,
        Step.NOTIFICATION: 3,
    }


@pytest.mark.parametrize(("failures", "ceiling"), [(1, 0.1), (2, 0.2), (3, 0.4), (4, 0.8), (5, 1.0), (50, 1.0)])
def test_waits_grow_exponentially_to_a_cap_and_are_fully_jittered(failures: int, ceiling: float) -> None:
    policy = RetryPolicy(attempts=5, base=0.1, cap=1.0)
    assert policy.wait(failures, 0.0) == 0.0
    assert policy.wait(failures, 0.5) == pytest.approx(ceiling / 2)
