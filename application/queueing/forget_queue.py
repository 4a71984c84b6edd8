"""After the sale: nothing is left in the line's store."""

from application.ports.clock import Clock
from application.ports.queue_recovery import QueueRecovery
from application.queueing.sales import Sales
from domain.errors import ConcertNotFound, TransientError
from domain.ids import ConcertId
from domain.queue_token import QueuePhase


class ForgetQueue:
    def __init__(self, sales: Sales, recovery: QueueRecovery, clock: Clock) -> None:
        self._sales = sales
        self._recovery = recovery
        self._clock = clock

    async def __call__(self, concert_id: ConcertId) -> bool:
        """Purges the queue of a concert that is closed or whose sale is over; False if it is not, or the stores are away."""
        try:
            sale = await self._sales.anew(concert_id)
            if sale.phase(self._clock.now()) is not QueuePhase.CLOSED:
                return False
            await self._recovery.purge(concert_id)
        except (ConcertNotFound, TransientError):
            return False
        return True
