"""Running errands to the card gateway: send, learn, write what was learned; or look up what became of an earlier request."""

from datetime import timedelta

from application.all_of import all_of
from application.ports.gateway_errands import DueErrand, GatewayErrands, NextStep
from application.ports.operator_alert import OperatorAlert
from application.ports.payment_gateway import (
    AnswerClass,
    CancelRequest,
    ConfirmRequest,
    GatewayAnswer,
    GatewayPayment,
    GatewayStatus,
    PaymentGateway,
)
from application.recovery.gateway_answers import CANCEL, CANCEL_STATED, CONFIRM, CONFIRM_STATED, Move, is_about
from application.recovery.settle_errand import SettleErrand
from domain.errors import GatewayUnavailable, ServiceUnavailable, Stale
from domain.gateway_errand import GATEWAY_WINDOW, ErrandKind, GatewayErrand, may_still_be_sent

BATCH = 8
LEASE_SECONDS = 90
"""Longer than the longest read of the gateway."""
LOOK_UP_AFTER = (2.0, 5.0, 15.0, 60.0, 300.0)
"""Seconds before the first, second … look-up; the last one again and again."""
LOOK_BACK_AGAIN_AFTER = 60.0
"""Seconds, where a look back had no answer or its end could not be written: that was none of its few looks."""
SEND_AGAIN_AFTER = (0.2, 1.0, 5.0)
SEND_LATER_AFTER = (5.0, 15.0, 30.0, 60.0)
MISMATCH = "MISMATCH"
"""The gateway charged our order, but not as this attempt asked."""
ANOTHERS = "ANOTHERS"
"""What it states of our order is about another payment key, amount or currency, and nothing was charged."""
LAST_RESEND = GATEWAY_WINDOW - timedelta(minutes=2)


class RunErrands:
    """The only place that talks to the gateway about money. ``owner`` names this worker on its leases."""

    def __init__(
        self,
        errands: GatewayErrands,
        gateway: PaymentGateway,
        settle: SettleErrand,
        alert: OperatorAlert,
        owner: str,
        concurrency: int = BATCH,
    ) -> None:
        self._errands = errands
        self._gateway = gateway
        self._settle = settle
        self._alert = alert
        self._owner = owner
        self._concurrency = concurrency

    async def __call__(self) -> int:
        """One pass over what is due; returns how many errands it took up."""
        due = await self._errands.claim(self._owner, self._concurrency, LEASE_SECONDS)
        await all_of(*(self._run(errand) for errand in due))
        return len(due)

    async def _run(self, due: DueErrand) -> None:
        if due.next_step is NextStep.LOOK_BACK:
            await self._look_back(due)
        elif due.next_step is NextStep.LOOK_UP:
            await self._look_up(due)
        elif await self._errands.begin_send(self._owner, due.errand.id):
            await self._send(due)

    async def _send(self, due: DueErrand) -> None:
        errand = due.errand
        answer = await (self._confirm(errand) if errand.id.kind is ErrandKind.CONFIRM else self._cancel(errand))
        if answer.left:
            await self._act(due, self._learned(errand, answer))
        else:  # the gateway is left alone: that was no try
            wait = max(answer.retry_after or 0.0, SEND_AGAIN_AFTER[0])
            note = answer.code or answer.kind
            await self._errands.postpone(self._owner, errand.id, NextStep.SEND, wait, note, sends=due.sends)

    def _learned(self, errand: GatewayErrand, answer: GatewayAnswer) -> tuple[Move, str]:
        if answer.kind is AnswerClass.STATED and answer.payment is not None:
            return self._stated(errand, answer.payment)
        if answer.kind is AnswerClass.OUR_FAULT:
            self._alert.tell("gateway-refuses", order=errand.order_id, code=answer.code or answer.kind)
        table = CONFIRM if errand.id.kind is ErrandKind.CONFIRM else CANCEL
        return table[answer.kind], answer.code or answer.kind

    async def _confirm(self, errand: GatewayErrand) -> GatewayAnswer:
        request = ConfirmRequest(
            order_id=errand.order_id, payment_key=errand.payment_key, amount=errand.amount, idempotency_key=errand.idempotency_key
        )
        return await self._gateway.confirm(request)

    async def _cancel(self, errand: GatewayErrand) -> GatewayAnswer:
        request = CancelRequest(
            order_id=errand.order_id,
            payment_key=errand.payment_key,
            amount=errand.amount,
            reason="예매 취소",
            idempotency_key=errand.idempotency_key,
        )
        return await self._gateway.cancel(request)

    def _stated(self, errand: GatewayErrand, payment: GatewayPayment) -> tuple[Move, str]:
        """What is not exactly about this attempt proves nothing; that our order was charged otherwise should not happen."""
        if not is_about(payment, errand):
            if payment.status is not GatewayStatus.DONE:
                return Move.DOUBT, ANOTHERS
            self._alert.tell("gateway-mismatch", order=errand.order_id)
            return Move.DOUBT, MISMATCH
        if payment.status is GatewayStatus.CANCELED and errand.id.kind is ErrandKind.CANCEL and payment.cancelled_amount != errand.amount:
            self._alert.tell("gateway-mismatch", order=errand.order_id)
            return Move.DOUBT, MISMATCH
        table = CONFIRM_STATED if errand.id.kind is ErrandKind.CONFIRM else CANCEL_STATED
        return table[payment.status], payment.failure_code or payment.status

    async def _look_back(self, due: DueErrand) -> None:
        """A webhook has named an attempt that had failed. What the gateway charged after all is ours to give back or to credit;
        whatever else it states leaves the end as it was. A charge that it cannot show yet gets a few looks; one that has no answer
        is none of them.
        """
        try:
            found = await self._gateway.look_up(due.errand.order_id)
        except GatewayUnavailable:
            await self._look_back_again(due, "UNAVAILABLE")
            return
        move, code = (Move.DOUBT, "NOT_FOUND") if found is None else self._stated(due.errand, found)
        if move is Move.DOUBT and code != MISMATCH and due.look_ups < len(LOOK_UP_AFTER):
            await self._postpone(due, NextStep.LOOK_BACK, LOOK_UP_AFTER[due.look_ups], code)
            return
        if move is Move.DOUBT:
            move = Move.HAND_OVER if code == MISMATCH else Move.FAIL
        await self._settle_or_postpone(due, move, code)

    async def _look_up(self, due: DueErrand, because: Move | None = None, refusal: str | None = None) -> None:
        """``because``: the answer that asked for it, if one did, and its code; a look-up has to agree with a refusal."""
        try:
            found = await self._gateway.look_up(due.errand.order_id)
        except GatewayUnavailable:
            await self._act(due, (Move.DOUBT, "UNAVAILABLE"))
            return
        move, code = (Move.DOUBT, "NOT_FOUND") if found is None else self._stated(due.errand, found)
        if move is Move.DOUBT:
            move = self._undecided(due, because, code) if due.errand.id.kind is ErrandKind.CONFIRM else self._unproved(due)
        if move is Move.SEND_AGAIN and because is Move.STAND_AGAIN:
            move = Move.STAND_AGAIN
        await self._act(due, (move, refusal if refusal and move in (Move.FAIL, Move.STAND_AGAIN) else code))

    def _undecided(self, due: DueErrand, because: Move | None, code: str) -> Move:
        """The gateway has not charged this attempt. An old one is over, a young one is sent again.

        A refusal is believed only of the first request there ever was: an earlier one may still be under way, or lie with
        a stopped worker.
        """
        if because is Move.FAIL_AFTER_LOOK_UP and due.sends == 0:
            return Move.FAIL
        if due.begun_at is None:
            return Move.SEND_AGAIN if code not in (MISMATCH, ANOTHERS) else Move.DOUBT
        if not may_still_be_sent(due.begun_at, due.now):
            return Move.HAND_OVER if code == MISMATCH else Move.FAIL
        if code in (MISMATCH, ANOTHERS):
            return Move.DOUBT
        return Move.SEND_AGAIN if due.now < due.begun_at + LAST_RESEND and due.sends <= len(SEND_AGAIN_AFTER) else Move.DOUBT

    def _unproved(self, due: DueErrand) -> Move:
        """The gateway has answered, and its answer does not show the refund. No repeat helps, and what no time decides a person does."""
        return Move.DOUBT if due.begun_at is None or may_still_be_sent(due.begun_at, due.now) else Move.HAND_OVER

    async def _act(self, due: DueErrand, learned: tuple[Move, str]) -> None:
        move, code = learned
        errand = due.errand
        if move is Move.SEND_LATER and due.sends >= len(SEND_LATER_AFTER):
            self._alert.tell("gateway-refuses", order=errand.order_id, code=code)
            move = Move.FAIL_AFTER_LOOK_UP if errand.id.kind is ErrandKind.CONFIRM else Move.SEND_LATER
        match move:
            case Move.LOOK_UP:
                await self._look_up(due)
            case Move.FAIL_AFTER_LOOK_UP:
                await self._look_up(due, because=move, refusal=code)
            case Move.STAND_AFTER_LOOK_UP:
                await self._look_up(due, because=Move.STAND_AGAIN, refusal=code)
            case Move.SEND_AGAIN:
                await self._postpone(due, NextStep.SEND, _nth(SEND_AGAIN_AFTER, due.sends), code)
            case Move.SEND_LATER:
                await self._postpone(due, NextStep.SEND, _nth(SEND_LATER_AFTER, due.sends), code)
            case Move.DOUBT:
                await self._settle_or_postpone(due, move, code)
                await self._postpone(due, NextStep.LOOK_UP, _nth(LOOK_UP_AFTER, due.look_ups), code)
            case _:
                await self._settle_or_postpone(due, move, code)

    async def _settle_or_postpone(self, due: DueErrand, move: Move, code: str) -> None:
        """What cannot be written now is learned again: the errand stays open until it is written."""
        try:
            await self._settle(due.errand, move, code, due.now, due.look_ups)
        except (ServiceUnavailable, Stale):
            if due.next_step is NextStep.LOOK_BACK:
                await self._look_back_again(due, "NOT_WRITTEN")
            else:
                await self._postpone(due, NextStep.LOOK_UP, _nth(LOOK_UP_AFTER, due.look_ups), "NOT_WRITTEN")

    async def _look_back_again(self, due: DueErrand, code: str) -> None:
        await self._errands.postpone(self._owner, due.errand.id, NextStep.LOOK_BACK, LOOK_BACK_AGAIN_AFTER, code, counts=False)

    async def _postpone(self, due: DueErrand, step: NextStep, seconds: float, code: str) -> None:
        await self._errands.postpone(self._owner, due.errand.id, step, seconds, code)


def _nth(waits: tuple[float, ...], done: int) -> float:
    return waits[min(done, len(waits) - 1)]
