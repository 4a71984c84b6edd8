"""From what the line and the database say to how a person stands, as it is shown to them."""

from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil

from application.ports.clock import Clock
from application.ports.waiting_queue import LineState, Sighting, Spot
from application.queueing.queue_tokens import QueueTokens
from application.queueing.standing import Standing
from domain.buyer import Buyer, PassEnd
from domain.errors import QueueTokenInvalid, QueueTokenProblem
from domain.ids import UserId
from domain.queue_token import QueueCondition, QueuePhase, QueueToken, QueueTokenState

FINAL = (QueueTokenState.ACTIVE, QueueTokenState.EXPIRED, QueueTokenState.LEFT)
"""After these nothing changes in the line: booking goes on with the pass, or a new place is taken."""
FAR_BACK = 500
"""Whoever has so many ahead need not ask every other second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What makes one standing another: as long as these are the same, there is nothing to tell."""

    place: int
    state: QueueTokenState
    phase: QueuePhase
    condition: QueueCondition
    ahead: int | None = None
    expires_at: datetime | None = None

    @property
    def position(self) -> int | None:
        if self.ahead is None or self.state is not QueueTokenState.WAITING or self.condition is not QueueCondition.LIVE:
            return None
        return self.ahead + 1 if self.phase in (QueuePhase.OPEN, QueuePhase.PAUSED) else None


def waiting_facts(sighting: Sighting, phase: QueuePhase, condition: QueueCondition) -> Facts | None:
    """Of those whom the line knows as waiting; None: the database has to say."""
    if sighting.spot not in (Spot.WAITING, Spot.ADMITTING):
        return None
    return Facts(place=sighting.place, state=QueueTokenState.WAITING, phase=phase, condition=condition, ahead=sighting.ahead)


def recorded_facts(buyer: Buyer | None, place: int, now: datetime, phase: QueuePhase, condition: QueueCondition) -> Facts:
    """By the person's row: with a live pass ACTIVE, else how the place ended; an unspent place waits."""
    if buyer is not None and buyer.has_live_pass(now) and place >= buyer.pass_place:
        active = QueueTokenState.ACTIVE
        return Facts(place=buyer.pass_place, state=active, phase=phase, condition=condition, expires_at=buyer.deadline)
    ended = None if buyer is None else buyer.end_of(place, now)
    state = QueueTokenState.WAITING
    if ended is not None:
        state = QueueTokenState.LEFT if ended is PassEnd.LEFT else QueueTokenState.EXPIRED
    return Facts(place=place, state=state, phase=phase, condition=condition)


def condition_of(line: LineState) -> QueueCondition:
    return QueueCondition.RECOVERING if line.opens_in > 0 else QueueCondition.LIVE


class Standings:
    """Words the facts, and signs the place they name."""

    def __init__(self, tokens: QueueTokens, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock

    def read_own(self, user_id: UserId, value: str) -> QueueToken:
        """Raises QueueTokenInvalid."""
        token = self._tokens.read(value)
        if token.user_id != user_id:
            raise QueueTokenInvalid(QueueTokenProblem.WRONG_USER)
        return token

    def of(self, token: QueueToken, facts: Facts, line: LineState | None = None) -> Standing:
        """The token is signed anew, so that whoever keeps coming holds one of the newest key."""
        held = token if token.place == facts.place else replace(token, place=facts.place)
        return Standing(
            token=held,
            value=self._tokens.sign(held),
            state=facts.state,
            phase=facts.phase,
            condition=facts.condition,
            as_of=self._clock.now(),
            position=facts.position,
            estimated_wait_seconds=_estimate(facts, line),
            expires_at=facts.expires_at,
            poll_after_seconds=5 if (facts.ahead or 0) >= FAR_BACK or facts.condition is QueueCondition.UNAVAILABLE else 2,
        )


def _estimate(facts: Facts, line: LineState | None) -> int | None:
    """From the pace of the last seconds; nobody knows before the first admissions, nor while paused."""
    if line is None or facts.phase is not QueuePhase.OPEN or facts.position is None or not line.admissions_per_second:
        return None
    return ceil(facts.position / line.admissions_per_second)
