"""How often, and with what waits, a step is tried again. The figures are the report's."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from domain.errors import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """At most ``attempts`` tries. Waits in seconds: before try n+1, between 0 and min(cap, base · 2^(n-1))."""

    attempts: int
    base: float = 0.05
    cap: float = 2.0

    def wait(self, failures: int, chance: float) -> float:
        """Full jitter: ``chance`` in [0, 1) of the exponential ceiling."""
        ceiling: float = self.base * 2 ** (failures - 1)
        return chance * min(self.cap, ceiling)


RETRY_POLICIES: Mapping[Step, RetryPolicy] = MappingProxyType(
    {
        Step.PAYMENT: RetryPolicy(attempts=5),
        Step.TICKET_ISSUANCE: RetryPolicy(attempts=3),
        Step.POINT_DEDUCTION: RetryPolicy(attempts=3),
        Step.TOKEN_EXPIRY: RetryPolicy(attempts=5),
        Step.OUTBOX: RetryPolicy(attempts=5),
        Step.NOTIFICATION: RetryPolicy(attempts=3),
    }
)
