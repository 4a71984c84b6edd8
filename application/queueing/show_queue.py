"""How a concert's line is as a whole."""

from application.ports.waiting_queue import EpochLost, LineState, WaitingQueue
from application.queueing.sales import Sales
from application.queueing.standing import QueueOverview
from domain.concert_queue import QueueStatus
from domain.errors import TransientError
from domain.ids import ConcertId


class ShowQueue:
    def __init__(self, sales: Sales, line: WaitingQueue) -> None:
        self._sales = sales
        self._line = line

    async def __call__(self, concert_id: ConcertId) -> QueueOverview | None:
        """None while its store is away or being loaded anew. Raises ConcertNotFound."""
        try:
            sale = await self._sales.of(concert_id)
            idle = sale.queue.epoch == 0 or sale.queue.status is QueueStatus.CLOSED
            state = _NOBODY if idle else await self._line.state(sale.at)
        except (EpochLost, TransientError):
            return None
        return QueueOverview(
            waiting=state.waiting,
            active=state.active,
            capacity=sale.queue.capacity,
            admitted_per_minute=state.admitted_last_minute,
            paused=sale.queue.status is QueueStatus.PAUSED,
        )


_NOBODY = LineState(waiting=0, active=0, opens_in=0, admitted_last_minute=0, admissions_per_second=None)
