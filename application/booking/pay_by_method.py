"""Paying, by whichever method the payer chose."""

from collections.abc import Awaitable, Callable, Mapping

from application.booking.pay import Pay, PayCommand
from application.booking.pay_by_card import PayByCard
from domain.ids import PaymentId
from domain.payment import PaymentMethod


class PayByMethod:
    def __init__(self, with_points: Pay, by_card: PayByCard) -> None:
        self._ways: Mapping[PaymentMethod, Callable[[PayCommand], Awaitable[PaymentId]]] = {
            PaymentMethod.POINTS: with_points,
            PaymentMethod.CARD: by_card,
        }

    async def __call__(self, command: PayCommand) -> PaymentId:
        """Pays once per idempotency key, however often it is asked. Raises as the method's own way does."""
        return await self._ways[command.method](command)
