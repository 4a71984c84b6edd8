"""How one's own token stands now."""

from application.ports.clock import Clock
from application.ports.queue_records import QueueView
from application.ports.waiting_queue import LineState, QueueEpoch, Sighting, WaitingQueue
from application.queueing.epochs import Epochs, Recovering
from application.queueing.sales import Sale, Sales
from application.queueing.standing import Standing
from application.queueing.standings import Standings, condition_of, recorded_facts, waiting_facts
from domain.errors import (
    ConcertNotFound,
    QueueTokenInvalid,
    QueueTokenProblem,
    QueueUnavailable,
    SalesClosed,
    ServiceUnavailable,
    TransientError,
)
from domain.ids import UserId
from domain.queue_token import QueueCondition, QueuePhase, QueueToken

PATIENCE = 0.3
"""Seconds for which it waits for a new epoch, before it says that one is being opened."""


class ShowPosition:
    def __init__(
        self,
        sales: Sales,
        epochs: Epochs,
        line: WaitingQueue,
        queues: QueueView,
        standings: Standings,
        clock: Clock,
    ) -> None:
        self._sales = sales
        self._epochs = epochs
        self._line = line
        self._queues = queues
        self._standings = standings
        self._clock = clock

    async def __call__(self, user_id: UserId, value: str) -> Standing:
        """The state of one's own token, spent ones too. While the line is away, by the database: a live pass is ACTIVE.

        Showing a token is standing at its place again, if it was lost. Raises QueueTokenInvalid, and
        ServiceUnavailable while the database is away and has to be asked.
        """
        token = self._standings.read_own(user_id, value)
        try:
            return await self._show(token, await self._sales.of(token.concert_id))
        except ConcertNotFound as unknown:
            raise QueueTokenInvalid(QueueTokenProblem.WRONG_CONCERT) from unknown
        except TransientError as fault:
            raise ServiceUnavailable(retry_after_seconds=2) from fault

    async def _show(self, token: QueueToken, sale: Sale) -> Standing:
        phase, condition, line = sale.phase(self._clock.now()), QueueCondition.LIVE, None
        if phase is not QueuePhase.CLOSED:
            try:
                sighting, line = await self._stand(token)
            except SalesClosed:
                phase = QueuePhase.CLOSED
            except Recovering:
                condition = QueueCondition.RECOVERING
            except QueueUnavailable:
                condition = QueueCondition.UNAVAILABLE
            else:
                condition = condition_of(line)
                if (facts := waiting_facts(sighting, phase, condition)) is not None:
                    return self._standings.of(token, facts, line)
        (buyer,) = await self._queues.buyers_by_id([token.buyer_id])
        return self._standings.of(token, recorded_facts(buyer, token.place, self._clock.now(), phase, condition), line)

    async def _stand(self, token: QueueToken) -> tuple[Sighting, LineState]:
        async def show(at: QueueEpoch) -> tuple[Sighting, LineState]:
            return await self._line.show(at, token.user_id, token.place)

        return await self._epochs.run(token.concert_id, show, PATIENCE)
