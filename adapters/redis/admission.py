"""The admission tick in Redis."""

from datetime import timedelta

from adapters.redis.replies import grouped, told_of, user_of
from adapters.redis.store import Argument, RedisStore, script
from application.ports.admission import AdmissionTick, Settlement, Slot, Taken, Ticked
from domain.buyer import PASS_DURATION

TICK = script("line", "tick")
MOST_TAKEN = 200
SAVED_UP = timedelta(milliseconds=500)
"""Admissions of at most so long may be saved up between ticks: what half a second would have admitted."""


class RedisAdmission:
    def __init__(self, store: RedisStore, pass_duration: timedelta = PASS_DURATION) -> None:
        self._store = store
        self._pass_duration = pass_duration

    async def tick(self, tick: AdmissionTick) -> Ticked:
        levers = tick.levers
        state, taken, suspects, _, swept = await self._store.run_in(
            tick.at,
            TICK,
            levers.capacity,
            levers.rate,
            "1" if levers.admitting else "",
            milliseconds(self._pass_duration),
            milliseconds(SAVED_UP),
            MOST_TAKEN,
            tick.most_suspects,
            -1 if tick.sweep_from is None else tick.sweep_from,
            *_settled(tick.settlement),
        )
        return Ticked(
            taken=tuple(Taken(user_of(user), place) for user, place in grouped(taken, 2)),
            suspects=tuple(Slot(user_of(user), mark) for user, mark in grouped(suspects, 2)),
            swept=swept,
            line=told_of(state).line,
        )


def _settled(settlement: Settlement) -> list[Argument]:
    """Four lists, each behind its length. Places go as text: no digit of theirs may be lost on the way."""
    arguments: list[Argument] = []
    for taken in (settlement.granted, settlement.refused):
        arguments.append(len(taken))
        for user_id, place in taken:
            arguments += [user_id.bytes, str(place)]
    arguments.append(len(settlement.freed))
    for user_id, mark in settlement.freed:
        arguments += [user_id.bytes, str(mark)]
    arguments.append(len(settlement.kept))
    for (user_id, mark), remaining in settlement.kept:
        arguments += [user_id.bytes, str(mark), milliseconds(remaining)]
    return arguments


def milliseconds(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
