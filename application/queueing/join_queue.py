"""Joining the line."""

from dataclasses import dataclass, replace

from application.ports.clock import Clock
from application.ports.queue_records import QueueView
from application.ports.waiting_queue import LineState, QueueEpoch, Sighting, WaitingQueue
from application.queueing.end_passes import EndPasses
from application.queueing.epochs import Epochs
from application.queueing.queue_tokens import QueueTokens
from application.queueing.sales import Sale, Sales
from application.queueing.standing import Standing
from application.queueing.standings import Facts, Standings, condition_of, recorded_facts, waiting_facts
from application.transactor import Transactor
from domain.buyer import Buyer
from domain.errors import QueueUnavailable, ServiceUnavailable, TransientError
from domain.ids import BuyerId, ConcertId, UserId
from domain.queue_token import ONLY_LANE, QueueCondition, QueueToken, QueueTokenState


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinQueueCommand:
    """``resume_token``: an earlier token, to stand where one stood. ``lane``: there is one yet."""

    user_id: UserId
    concert_id: ConcertId
    resume_token: str | None = None
    lane: str = ONLY_LANE

    @property
    def buyer_id(self) -> BuyerId:
        return BuyerId(self.concert_id, self.user_id)


class JoinQueue:
    def __init__(
        self,
        sales: Sales,
        epochs: Epochs,
        line: WaitingQueue,
        queues: QueueView,
        transactor: Transactor,
        standings: Standings,
        tokens: QueueTokens,
        clock: Clock,
    ) -> None:
        self._sales = sales
        self._epochs = epochs
        self._line = line
        self._queues = queues
        self._transactor = transactor
        self._standings = standings
        self._tokens = tokens
        self._clock = clock

    async def __call__(self, command: JoinQueueCommand) -> Standing:
        """One place a person: the one they have, else the one they show, if it is not spent, else the next at the end.

        Raises ConcertNotFound, SalesNotOpen, SalesClosed, QueueTokenInvalid, and ServiceUnavailable while the line
        or the database is away; whoever has a live pass is told so even then.
        """
        try:
            sale = await self._sales.of(command.concert_id)
            sale.ensure_joinable(self._clock.now())
            return await self._join(command, sale, self._shown(command))
        except TransientError as fault:
            raise ServiceUnavailable(retry_after_seconds=2) from fault

    def _shown(self, command: JoinQueueCommand) -> QueueToken | None:
        if command.resume_token is None:
            return None
        shown = self._tokens.read(command.resume_token)
        shown.ensure_for(command.buyer_id)
        return shown

    async def _join(self, command: JoinQueueCommand, sale: Sale, shown: QueueToken | None) -> Standing:
        try:
            sighting, line = await self._stand(command, shown)
        except QueueUnavailable:
            return await self._admitted_while_away(command, sale)
        phase, condition = sale.phase(self._clock.now()), condition_of(line)
        facts = waiting_facts(sighting, phase, condition)
        if facts is None:  # they hold a slot: what it is worth, the row says
            buyer = await self._buyer(command.buyer_id)
            facts = self._admitted(buyer, sale, condition)
            if facts is None:
                return await self._join_after(command, sale, buyer)
        return self._told(command, shown, facts, line)

    async def _stand(self, command: JoinQueueCommand, shown: QueueToken | None) -> tuple[Sighting, LineState]:
        async def join(at: QueueEpoch) -> tuple[Sighting, LineState]:
            return await self._line.join(at, command.user_id, None if shown is None else shown.place)

        return await self._epochs.run(command.concert_id, join)

    async def _join_after(self, command: JoinQueueCommand, sale: Sale, buyer: Buyer | None) -> Standing:
        """Their pass is over but its slot was not freed yet: free it now, row first, and join anew."""
        place = 0 if buyer is None else buyer.pass_place
        await self._transactor.run(EndPasses(concert_id=command.concert_id, user_ids=(command.user_id,)))
        await self._epochs.run(command.concert_id, lambda at: self._line.leave(at, command.user_id, place))
        sighting, line = await self._stand(command, None)
        condition = condition_of(line)
        facts = waiting_facts(sighting, sale.phase(self._clock.now()), condition)
        if facts is None:
            raise ServiceUnavailable(retry_after_seconds=1)
        return self._told(command, None, facts, line)

    async def _admitted_while_away(self, command: JoinQueueCommand, sale: Sale) -> Standing:
        facts = self._admitted(await self._buyer(command.buyer_id), sale, QueueCondition.UNAVAILABLE)
        if facts is None:
            raise ServiceUnavailable(retry_after_seconds=2)
        return self._told(command, None, facts, None)

    async def _buyer(self, buyer_id: BuyerId) -> Buyer | None:
        (buyer,) = await self._queues.buyers_by_id([buyer_id])
        return buyer

    def _admitted(self, buyer: Buyer | None, sale: Sale, condition: QueueCondition) -> Facts | None:
        if buyer is None:
            return None
        now = self._clock.now()
        facts = recorded_facts(buyer, buyer.pass_place, now, sale.phase(now), condition)
        return facts if facts.state is QueueTokenState.ACTIVE else None

    def _told(self, command: JoinQueueCommand, shown: QueueToken | None, facts: Facts, line: LineState | None) -> Standing:
        token = QueueToken(
            concert_id=command.concert_id,
            user_id=command.user_id,
            lane=command.lane,
            place=facts.place,
            entered_at=self._clock.now(),
        )
        if shown is not None and shown.place == facts.place:
            token = replace(token, lane=shown.lane, entered_at=shown.entered_at)
        return self._standings.of(token, facts, line)
