"""Errands to the card gateway: claimed by lease, answered only by who holds it, and looked at by operators."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, or_, select, update

from adapters.sql import database_clock
from adapters.sql.card_rows import errand_of, shortened
from adapters.sql.core_tables import GATEWAY_ERRANDS as ERRANDS
from adapters.sql.database import Database, Reader
from adapters.sql.lookups import Query, any_of, page_size
from application.ports.gateway_errand_view import ManualErrand
from application.ports.gateway_errands import DueErrand, NextStep
from domain.gateway_errand import ErrandId, ErrandState

_KEY = (ERRANDS.c.shard_key, ERRANDS.c.attempt, ERRANDS.c.kind)
_OPEN = ERRANDS.c.state == ErrandState.OPEN
_FREE = or_(ERRANDS.c.leased_until.is_(None), ERRANDS.c.leased_until <= database_clock.now())
_RELEASED: dict[str, Any] = {"lease_owner": None, "leased_until": None}


class SqlGatewayErrands:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, owner: str, limit: int, lease_seconds: int) -> Sequence[DueErrand]:
        """New ones and postponed ones lie in two places of the index; of both together the oldest are taken."""

        def lease(connection: Connection) -> Sequence[Row[Any]]:
            found = [row for due in (new(limit), postponed(limit)) for row in connection.execute(due.with_for_update(skip_locked=True))]
            rows = sorted(found, key=lambda row: row.due_at or row.created_at)[:limit]
            if rows:
                leased = {"lease_owner": owner, "leased_until": database_clock.seconds_from_now(lease_seconds)}
                keys = [(row.shard_key, row.attempt, row.kind) for row in rows]
                connection.execute(update(ERRANDS).where(any_of(_KEY, keys)).values(leased))
            return rows

        return [_due_errand(row) for row in await self._database.write(lease)]

    async def begin_send(self, owner: str, errand_id: ErrandId) -> bool:
        """Once a claim: a second one under the same name finds that the next step is a look-up."""
        still_leased = ERRANDS.c.leased_until > database_clock.now()
        to_be_sent = ERRANDS.c.next_step == NextStep.SEND
        begun = {
            "begun_at": func.coalesce(ERRANDS.c.begun_at, database_clock.now()),
            "sends": ERRANDS.c.sends + 1,
            "next_step": NextStep.LOOK_UP,
        }
        return await self._answer(owner, errand_id, begun, still_leased, to_be_sent)

    async def postpone(
        self,
        owner: str,
        errand_id: ErrandId,
        next_step: NextStep,
        seconds: float,
        note: str,
        *,
        sends: int | None = None,
        counts: bool = True,
    ) -> None:
        later: dict[str, Any] = {
            "next_step": next_step,
            "due_at": database_clock.seconds_from_now(seconds),
            "note": shortened(note),
        }
        if next_step is not NextStep.SEND and counts:
            later["look_ups"] = ERRANDS.c.look_ups + 1
        if sends is not None:
            later["sends"] = sends
        if sends == 0:
            later["begun_at"] = None
        await self._answer(owner, errand_id, later | _RELEASED)

    async def hurry(self, errand_ids: Sequence[ErrandId]) -> int:
        waiting = and_(any_of(_KEY, errand_ids), _OPEN, ERRANDS.c.next_step == NextStep.LOOK_UP, ERRANDS.c.due_at > database_clock.now())
        sooner = update(ERRANDS).where(waiting).values(due_at=database_clock.now())
        return await self._database.write(lambda connection: connection.execute(sooner).rowcount)

    async def look_back(self, errand_id: ErrandId, every: float) -> bool:
        """``looked_back_at`` is when it was or will be; MySQL reads what has been set in the same statement, so it comes last."""
        lately = ERRANDS.c.looked_back_at > database_clock.seconds_from_now(-every)
        then = case((lately, database_clock.seconds_from_now(every)), else_=database_clock.now())
        again = update(ERRANDS).where(any_of(_KEY, [errand_id]), ERRANDS.c.state == ErrandState.CLOSED)
        again = again.ordered_values(
            (ERRANDS.c.state, ErrandState.OPEN),
            (ERRANDS.c.next_step, NextStep.LOOK_BACK),
            (ERRANDS.c.look_ups, 0),
            (ERRANDS.c.due_at, then),
            (ERRANDS.c.looked_back_at, then),
        )
        return await self._database.write(lambda connection: connection.execute(again).rowcount == 1)

    async def _answer(self, owner: str, errand_id: ErrandId, changes: dict[str, Any], *conditions: ColumnElement[bool]) -> bool:
        """Whether the errand was still open and this owner's; nothing is written where it was not."""
        mine = and_(any_of(_KEY, [errand_id]), _OPEN, ERRANDS.c.lease_owner == owner, *conditions)
        return await self._database.write(lambda connection: connection.execute(update(ERRANDS).where(mine).values(changes)).rowcount == 1)


class SqlGatewayErrandView:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def manual(self, limit: int) -> Sequence[ManualErrand]:
        return [
            ManualErrand(errand=errand_of(row), begun_at=row.begun_at, sends=row.sends, look_ups=row.look_ups, note=row.note)
            for row in await self._reader.rows(handed_over(limit))
        ]

    async def counts(self) -> Mapping[ErrandState, int]:
        states = (ErrandState.OPEN, ErrandState.MANUAL)
        counted = select(ERRANDS.c.state, func.count().label("number")).where(ERRANDS.c.state.in_(states)).group_by(ERRANDS.c.state)
        found = {ErrandState(row.state): row.number for row in await self._reader.rows(counted)}
        return {state: found.get(state, 0) for state in states}


def new(limit: int) -> Query:
    return _due(ERRANDS.c.due_at.is_(None)).order_by(ERRANDS.c.created_at).limit(page_size(limit))


def postponed(limit: int) -> Query:
    return _due(ERRANDS.c.due_at <= database_clock.now()).order_by(ERRANDS.c.due_at).limit(page_size(limit))


def handed_over(limit: int) -> Query:
    manual = and_(ERRANDS.c.state == ErrandState.MANUAL, ERRANDS.c.due_at.is_(None))
    return select(ERRANDS).where(manual).order_by(ERRANDS.c.created_at).limit(page_size(limit))


def _due(when: ColumnElement[bool]) -> Query:
    return (
        select(ERRANDS, database_clock.now().label("now"))
        .with_hint(ERRANDS, "FORCE INDEX (ix_gateway_errands_claim)", "mysql")
        .where(_OPEN, when, _FREE)
    )


def _due_errand(row: Row[Any]) -> DueErrand:
    return DueErrand(
        errand=errand_of(row),
        next_step=NextStep(row.next_step),
        begun_at=row.begun_at,
        sends=row.sends,
        look_ups=row.look_ups,
        now=row.now,
    )
