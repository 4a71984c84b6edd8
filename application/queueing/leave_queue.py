"""Leaving: the line, or the pass that one has."""

from dataclasses import dataclass

from application.ports.clock import Clock
from application.ports.queue_records import QueueView
from application.ports.unit_of_work import Needs
from application.ports.waiting_queue import WaitingQueue
from application.queueing.epochs import Epochs
from application.queueing.sales import Sale, Sales
from application.queueing.standing import Standing
from application.queueing.standings import Standings, recorded_facts
from application.release_hold import release_hold
from application.retrying import Retrying
from application.transactor import Transactor
from application.work import Work
from domain.buyer import Buyer
from domain.errors import (
    ConcertNotFound,
    QueueTokenInvalid,
    QueueTokenProblem,
    QueueUnavailable,
    SalesClosed,
    ServiceUnavailable,
    Stale,
    Step,
    TransientError,
)
from domain.ids import BuyerId, ReservationId, UserId
from domain.queue_token import QueueCondition, QueuePhase, QueueToken
from domain.reservation import Reservation, ReservationStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveQueueCommand:
    user_id: UserId
    queue_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUpPlace:
    """The place cannot be stood at again, the pass reached by then ends, and the open hold is let go, unless it is being paid."""

    buyer_id: BuyerId
    place: int
    open_hold: ReservationId | None

    def needs(self) -> Needs:
        reservations = () if self.open_hold is None else (self.open_hold,)
        return Needs(shard=self.buyer_id.concert_id, buyers=(self.buyer_id,), reservations=reservations)

    def decide(self, work: Work) -> Buyer:
        buyer = work.buyers.of(self.buyer_id)
        if self.place <= buyer.highest_spent_place and self.place != buyer.pass_place:
            return buyer  # spent before: there is nothing to give up
        if buyer.open_reservation_id != self.open_hold:
            raise Stale("another hold is open than the one that was looked at")
        if self.open_hold is not None:
            self._let_go(work.reservations.get(self.open_hold), work)
        left = work.buyers.of(self.buyer_id).leave(self.place)
        work.buyers.save(left)
        return left

    def _let_go(self, reservation: Reservation, work: Work) -> None:
        if reservation.status is not ReservationStatus.PENDING or reservation.payment_id is not None:
            return
        release_hold(reservation.expire(work.now) if reservation.is_overdue(work.now) else reservation.cancel(), work)


class LeaveQueue:
    def __init__(
        self,
        sales: Sales,
        epochs: Epochs,
        line: WaitingQueue,
        queues: QueueView,
        transactor: Transactor,
        retrying: Retrying,
        standings: Standings,
        clock: Clock,
    ) -> None:
        self._sales = sales
        self._epochs = epochs
        self._line = line
        self._queues = queues
        self._transactor = transactor
        self._retrying = retrying
        self._standings = standings
        self._clock = clock

    async def __call__(self, command: LeaveQueueCommand) -> Standing:
        """Gives up the token's place for good, in all tabs. A spent token is answered with its state.

        Written in the database first: while the line is away, leaving counts as soon as that is done.
        Raises QueueTokenInvalid and ServiceUnavailable.
        """
        token = self._standings.read_own(command.user_id, command.queue_token)
        try:
            sale = await self._sales.of(token.concert_id)
            return await self._leave(token, sale)
        except ConcertNotFound as unknown:
            raise QueueTokenInvalid(QueueTokenProblem.WRONG_CONCERT) from unknown
        except TransientError as fault:
            raise ServiceUnavailable(retry_after_seconds=2) from fault

    async def _leave(self, token: QueueToken, sale: Sale) -> Standing:
        phase = sale.phase(self._clock.now())
        buyer = await self._retrying(Step.TOKEN_EXPIRY, lambda: self._give_up(token))
        condition = QueueCondition.LIVE if phase is QueuePhase.CLOSED else await self._leave_line(token)
        facts = recorded_facts(buyer, token.place, self._clock.now(), phase, condition)
        return self._standings.of(token, facts)

    async def _give_up(self, token: QueueToken) -> Buyer:
        (found,) = await self._queues.buyers_by_id([token.buyer_id])
        open_hold = found.open_reservation_id if found is not None else None
        return await self._transactor.run(GiveUpPlace(buyer_id=token.buyer_id, place=token.place, open_hold=open_hold))

    async def _leave_line(self, token: QueueToken) -> QueueCondition:
        """What cannot be told to the line now, the row tells it: nobody is admitted at a place they left."""
        try:
            await self._epochs.run(token.concert_id, lambda at: self._line.leave(at, token.user_id, token.place))
        except (QueueUnavailable, SalesClosed):
            return QueueCondition.UNAVAILABLE
        return QueueCondition.LIVE
