"""Writing what was learned at the gateway, whatever the errand was about."""

from datetime import datetime
from typing import Any

from application.booking.ticket_issuance import UNGUARDED, TicketIssuance
from application.ports.bookings import BookingView
from application.ports.operator_alert import OperatorAlert
from application.ports.top_ups import TopUpView
from application.ports.unit_of_work import Transaction
from application.recovery.gateway_answers import Move
from application.recovery.payment_saga import (
    CompleteCardPayment,
    DoubtCardPayment,
    FailCardPayment,
    FinishRefund,
    HandOver,
    RefuseRefund,
    ReturnCharge,
)
from application.recovery.top_up_saga import CompleteTopUp, DoubtTopUp, FailTopUp, HandOverTopUp
from application.retrying import Retrying
from application.transactor import Transactor
from domain.errors import ServiceUnavailable, Step
from domain.gateway_errand import GatewayErrand
from domain.ids import PaymentId, TopUpId
from domain.payment import Payment, PaymentStatus
from domain.payment_order import attempt_of
from domain.reservation import Reservation

COMPLETING_TRIES = 3
"""How often a proved charge is tried to be completed, with look-ups between, before the money goes back."""


class SettleErrand:
    def __init__(
        self,
        transactor: Transactor,
        retrying: Retrying,
        bookings: BookingView,
        top_ups: TopUpView,
        alert: OperatorAlert,
        issuance: TicketIssuance = UNGUARDED,
    ) -> None:
        self._transactor = transactor
        self._retrying = retrying
        self._bookings = bookings
        self._top_ups = top_ups
        self._alert = alert
        self._issuance = issuance

    async def __call__(self, errand: GatewayErrand, move: Move, code: str, now: datetime, look_ups: int) -> None:
        """One transaction that does nothing where it was done. Raises ServiceUnavailable or Stale when it cannot be written now."""
        attempt = attempt_of(errand.order_id)
        if isinstance(attempt, PaymentId):
            await self._settle_payment(errand, attempt, move, code, now, look_ups)
        elif isinstance(attempt, TopUpId):
            if move is Move.COMPLETE and (top_up := await self._top_ups.top_up(attempt)) and top_up.status is PaymentStatus.FAILED:
                self._alert.tell("gateway-late-charge", order=errand.order_id)
            await self._run(_top_up_transaction(errand, attempt, move, code))
        if move is Move.HAND_OVER:
            self._alert.tell("gateway-manual", order=errand.order_id, code=code)

    async def _settle_payment(
        self, errand: GatewayErrand, payment_id: PaymentId, move: Move, code: str, now: datetime, look_ups: int
    ) -> None:
        [payment] = await self._bookings.payments_by_id([payment_id])
        if payment is None:
            self._alert.tell("gateway-unknown-payment", order=errand.order_id)
            return
        [reservation] = await self._bookings.reservations_by_id([payment.reservation_id])
        if reservation is None:
            self._alert.tell("gateway-unknown-payment", order=errand.order_id)
            return
        given_up = payment.status is PaymentStatus.FAILED
        if move is Move.COMPLETE and given_up:
            self._alert.tell("gateway-late-charge", order=errand.order_id)
        transaction = _payment_transaction(errand, payment, reservation, move, code)
        try:
            issues_tickets = move is Move.COMPLETE and not given_up
            await (self._complete(transaction) if issues_tickets else self._run(transaction))
        except ServiceUnavailable:
            if move is not Move.COMPLETE or reservation.expires_at > now or look_ups < COMPLETING_TRIES:
                raise
            # The charge is proved, completing kept failing, and the hold is over: the money goes back.
            await self._run(ReturnCharge(payment=payment, reservation=reservation))

    async def _complete(self, transaction: Transaction[Any]) -> None:
        async def attempt() -> Any:
            return await self._issuance.completing(
                lambda: self._transactor.run(transaction), issued=lambda status: status is PaymentStatus.COMPLETED
            )

        await self._retrying(Step.PAYMENT, attempt)

    async def _run(self, transaction: Transaction[Any]) -> None:
        await self._retrying(Step.PAYMENT, lambda: self._transactor.run(transaction))


def _payment_transaction(errand: GatewayErrand, payment: Payment, reservation: Reservation, move: Move, code: str) -> Transaction[Any]:
    match move:
        case Move.COMPLETE:
            return CompleteCardPayment(payment=payment, reservation=reservation)
        case Move.FAIL:
            return FailCardPayment(payment=payment, reservation=reservation, decline_code=code)
        case Move.REFUNDED:
            return FinishRefund(payment=payment, reservation=reservation)
        case Move.STAND_AGAIN:
            return RefuseRefund(payment=payment, reservation=reservation)
        case Move.DOUBT:
            return DoubtCardPayment(payment=payment, reservation=reservation)
        case _:
            return HandOver(payment=payment, reservation=reservation, kind=errand.id.kind)


def _top_up_transaction(errand: GatewayErrand, top_up_id: TopUpId, move: Move, code: str) -> Transaction[Any]:
    match move:
        case Move.COMPLETE:
            return CompleteTopUp(id=top_up_id)
        case Move.FAIL:
            return FailTopUp(id=top_up_id, decline_code=code)
        case Move.DOUBT:
            return DoubtTopUp(id=top_up_id)
        case _:
            return HandOverTopUp(id=top_up_id)
