"""Watching a payment until its end is known."""

from collections.abc import AsyncGenerator

from application.ports.bookings import BookingView
from application.ports.sleeper import Sleeper
from application.ports.top_ups import TopUpView
from domain.errors import TransientError
from domain.ids import PaymentId, TopUpId, UserId
from domain.payment import Payment
from domain.top_up import TopUp

TICK = 1.0
PATIENCE = 30 * 60.0
"""Seconds after which a watcher has to come back."""


class WatchPayment:
    def __init__(self, bookings: BookingView, top_ups: TopUpView, sleeper: Sleeper, tick: float = TICK, patience: float = PATIENCE) -> None:
        self._bookings = bookings
        self._top_ups = top_ups
        self._sleeper = sleeper
        self._tick = tick
        self._patience = patience

    async def __call__(self, user_id: UserId, payment_id: PaymentId | TopUpId) -> AsyncGenerator[Payment | TopUp, None]:
        """The payment (or top-up) at once, then each change; ends with a final status. Nothing at all for another person's, or none."""
        shown: Payment | TopUp | None = None
        started = self._sleeper.elapsed()
        while self._sleeper.elapsed() - started < self._patience:
            found = await self._look(payment_id, shown)
            if found is None or _owner(found) != user_id:
                return
            if found != shown:
                yield found
                shown = found
            if found.status.is_final:
                return
            await self._sleeper.sleep(self._tick)

    async def _look(self, payment_id: PaymentId | TopUpId, shown: Payment | TopUp | None) -> Payment | TopUp | None:
        """While the database is away, a payment that was seen stands as it was seen."""
        try:
            if isinstance(payment_id, TopUpId):
                return await self._top_ups.top_up(payment_id)
            return (await self._bookings.payments_by_id([payment_id]))[0]
        except TransientError:
            if shown is None:
                raise
            return shown


def _owner(found: Payment | TopUp) -> UserId:
    return found.id.user_id if isinstance(found, TopUp) else found.user_id
