"""Hints after the commit of a booking: sweepers make up for each that is lost."""

from application.ports.hints import Hints
from domain.events import CardPaymentRequested, ChargeReturned, PaymentCancelled, PaymentCompleted, RefundBegun, TopUpRequested
from domain.ids import BuyerId


async def expire_queue_token(event: PaymentCompleted, hints: Hints) -> None:
    """The pass is used up in its row already; the queue may free its slot."""
    await hints.check_pass(BuyerId(event.reservation_id.concert_id, event.payment.user_id))


async def wake_relay(event: PaymentCompleted | PaymentCancelled | ChargeReturned, hints: Hints) -> None:
    await hints.wake_relay()


async def wake_gateway(event: CardPaymentRequested | TopUpRequested | RefundBegun, hints: Hints) -> None:
    """There is an errand to the card gateway."""
    await hints.wake_gateway()
