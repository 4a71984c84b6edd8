"""The circuit of ticket issuance: while tickets cannot be written, nobody's payment is begun."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from application.ports.circuit_breaker import CircuitBreaker, GuardedCall, Verdict
from domain.errors import CircuitOpen, Step, TransientError

T = TypeVar("T")

CIRCUIT = "ticket-issuance"


class TicketIssuance:
    """Stands around attempts that issue tickets, and hears of the faults of that step alone. An open circuit refuses
    payments that have not begun; it ends none that has, and gives no money back.
    """

    def __init__(self, breaker: CircuitBreaker | None = None) -> None:
        """Without a breaker every attempt may be made."""
        self._breaker = breaker

    async def paying(self, attempt: Callable[[], Awaitable[T]], issued: Callable[[T], bool]) -> T:
        """The attempt's result, or its refusal. ``issued``: whether such a result was tickets, and not one of an earlier
        attempt. Raises CircuitOpen instead of making it.
        """
        if self._breaker is None:
            return await attempt()
        async with self._breaker.guard(CIRCUIT) as call:
            return await _heard(attempt, issued, call)

    async def completing(self, attempt: Callable[[], Awaitable[T]], issued: Callable[[T], bool]) -> T:
        """As ``paying``, but made in any case: its money has been taken."""
        try:
            return await self.paying(attempt, issued)
        except CircuitOpen:
            return await attempt()

    async def is_possible(self) -> bool:
        return self._breaker is None or await self._breaker.refused_for(CIRCUIT) is None


async def _heard(attempt: Callable[[], Awaitable[T]], issued: Callable[[T], bool], call: GuardedCall) -> T:
    call.verdict = Verdict.NONE
    try:
        result = await attempt()
    except TransientError as fault:
        if fault.step is Step.TICKET_ISSUANCE:
            call.verdict = Verdict.FAILURE
        raise
    if issued(result):
        call.verdict = Verdict.SUCCESS
    return result


UNGUARDED = TicketIssuance()
