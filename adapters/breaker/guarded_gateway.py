"""A payment gateway that is left alone while it keeps failing, and not asked more often than it bears."""

from collections.abc import Awaitable, Callable

from application.ports.circuit_breaker import CircuitBreaker, Verdict
from application.ports.payment_gateway import AnswerClass, CancelRequest, ConfirmRequest, GatewayAnswer, GatewayPayment, PaymentGateway
from application.ports.rate_limiter import RateLimiter
from application.recent_answers import RecentAnswers
from application.single_flight import FlightCancelled
from domain.errors import CircuitOpen, GatewayUnavailable, RateLimited

CONFIRM = "gateway-confirm"
CANCEL = "gateway-cancel"
PROVIDER = "gateway"
KEPT_SECONDS = 1.0
ANSWERED = frozenset({AnswerClass.STATED, AnswerClass.ALREADY_PROCESSED})


class GuardedGateway:
    """A PaymentGateway. What is not sent is answered as such, to be sent again under the same key: an open circuit declines
    nothing and refunds nothing. Look-ups pass no circuit: they are how one learns what became of the calls that failed.
    """

    def __init__(
        self,
        gateway: PaymentGateway,
        breaker: CircuitBreaker,
        limiter: RateLimiter,
        elapsed: Callable[[], float],
        close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """``close``: the gateway's own, called by this one's."""
        self._gateway = gateway
        self._close = close
        self._breaker = breaker
        self._limiter = limiter
        self._look_ups: RecentAnswers[GatewayPayment | None] = RecentAnswers(elapsed, KEPT_SECONDS)

    async def confirm(self, request: ConfirmRequest) -> GatewayAnswer:
        return await self._send(CONFIRM, request.order_id, lambda: self._gateway.confirm(request))

    async def cancel(self, request: CancelRequest) -> GatewayAnswer:
        return await self._send(CANCEL, request.order_id, lambda: self._gateway.cancel(request))

    async def look_up(self, order_id: str) -> GatewayPayment | None:
        try:
            return await self._look_ups(order_id, lambda: self._look_up(order_id))
        except FlightCancelled as closed:
            raise GatewayUnavailable("closed") from closed

    async def close(self) -> None:
        await self._look_ups.close()
        if self._close is not None:
            await self._close()

    async def _look_up(self, order_id: str) -> GatewayPayment | None:
        try:
            await self._limiter.take_turn(PROVIDER)
        except RateLimited as refusal:
            raise GatewayUnavailable("it is not our turn") from refusal
        return await self._gateway.look_up(order_id)

    async def _send(self, circuit: str, order_id: str, send: Callable[[], Awaitable[GatewayAnswer]]) -> GatewayAnswer:
        if (wait := await self._breaker.refused_for(circuit)) is not None:
            return _not_sent("CIRCUIT_OPEN", wait)
        try:
            await self._limiter.take_turn(PROVIDER)
            async with self._breaker.guard(circuit) as call:
                try:
                    answer = await send()
                finally:
                    self._look_ups.forget(order_id)
                call.verdict = _verdict(answer)
        except CircuitOpen as refusal:
            return _not_sent("CIRCUIT_OPEN", refusal.retry_after)
        except RateLimited as refusal:
            return _not_sent("RATE_LIMITED", refusal.retry_after)
        if answer.retry_after is not None:
            await self._limiter.pause(PROVIDER, answer.retry_after)
        return answer


def _verdict(answer: GatewayAnswer) -> Verdict:
    """A refusal tells nothing about how the gateway is."""
    if answer.fault:
        return Verdict.FAILURE
    return Verdict.SUCCESS if answer.kind in ANSWERED else Verdict.NONE


def _not_sent(code: str, retry_after: float) -> GatewayAnswer:
    return GatewayAnswer(kind=AnswerClass.RETRY_SAME_KEY, code=code, retry_after=retry_after, left=False)
