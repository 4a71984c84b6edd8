"""Messages on their way out: claimed by lease, so that relays can work side by side and each key stays in order."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, or_, select, update

from adapters.sql import database_clock
from adapters.sql.claims import Claims
from adapters.sql.core_tables import DEAD_LETTERS
from adapters.sql.core_tables import OUTBOX_MESSAGES as OUTBOX
from adapters.sql.database import Database
from adapters.sql.lookups import Query, any_of
from application.ports.dead_letter_queue import LetterOrigin, LetterStatus
from application.ports.outbox import DueMessage, GivenUp, Refusal
from domain.ids import DeadLetterId, MessageId
from domain.message import OutboxMessage, OutboxStatus

UNPUBLISHED = (OutboxStatus.PENDING, OutboxStatus.RETRYING)
LONGEST_FAULT = 500
OVERFETCH = 2
"""Candidates looked at for each claim, since other relays look at the same ones."""

_KEY = (OUTBOX.c.shard_key, OUTBOX.c.id)
_FREE = or_(OUTBOX.c.leased_until.is_(None), OUTBOX.c.leased_until <= database_clock.now())
_DUE = or_(OUTBOX.c.next_attempt_at.is_(None), OUTBOX.c.next_attempt_at <= database_clock.now())
_CLAIMABLE = and_(OUTBOX.c.status.in_(UNPUBLISHED), OUTBOX.c.published_at.is_(None), _FREE, _DUE)
_RELEASED: dict[str, Any] = {"lease_owner": None, "leased_until": None}


class SqlOutbox:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._claims: Claims[MessageId] = Claims()

    async def claim(self, owner: str, limit: int, lease_seconds: int) -> Sequence[DueMessage]:
        """Two looks: one that sees a single moment, for the order, then one under lock, for those still free.

        A sequence that was the lowest stays it until it is published, so the second look need not ask again.
        """

        def lease(connection: Connection) -> Sequence[Row[Any]]:
            candidates = [(row.shard_key, row.id) for row in connection.execute(lowest_of_each_key(limit * OVERFETCH))]
            if not candidates:
                return ()
            rows = connection.execute(_locked(candidates, limit)).all()
            if rows:
                leased = {"lease_owner": owner, "leased_until": database_clock.seconds_from_now(lease_seconds)}
                connection.execute(update(OUTBOX).where(any_of(_KEY, [(row.shard_key, row.id) for row in rows])).values(leased))
            return rows

        rows = await self._database.write(lease)
        for row in rows:
            self._claims.remember(MessageId(row.id), row.shard_key)
        return [DueMessage(message=message_of(row), attempts=row.attempts) for row in rows]

    async def mark_published(self, owner: str, ids: Sequence[MessageId]) -> None:
        await self._answer(
            owner,
            ids,
            status=OutboxStatus.PUBLISHED,
            published_at=database_clock.now(),
            next_attempt_at=None,
            **_RELEASED,
        )

    async def release(self, owner: str, ids: Sequence[MessageId], fault: str) -> None:
        await self._answer(owner, ids, last_fault=fault[:LONGEST_FAULT], **_RELEASED)

    async def refuse(self, owner: str, refusals: Sequence[Refusal]) -> None:
        """In one transaction: a dead row has its letter. Those that are another's by now are left alone."""
        of_key = {key: refusal for refusal in refusals for key in self._claims.keys_of([refusal.id])}
        if not of_key:
            return

        def change(connection: Connection) -> None:
            rows = connection.execute(select(OUTBOX).where(_mine(owner, list(of_key))).with_for_update()).all()
            for row in rows:
                refusal = of_key[row.shard_key, row.id]
                fault, tries = refusal.fault[:LONGEST_FAULT], row.attempts + 1
                changes: dict[str, Any] = {"attempts": tries, "last_fault": fault, **_RELEASED}
                if isinstance(refusal, GivenUp):
                    changes |= {"status": OutboxStatus.DEAD, "next_attempt_at": None}
                    connection.execute(insert(DEAD_LETTERS).values(_letter(row, refusal.letter_id, fault, tries)))
                else:
                    changes |= {"status": OutboxStatus.RETRYING, "next_attempt_at": database_clock.seconds_from_now(refusal.seconds)}
                connection.execute(update(OUTBOX).where(OUTBOX.c.shard_key == row.shard_key, OUTBOX.c.id == row.id).values(changes))

        await self._database.write(change)
        self._claims.forget(refusal.id for refusal in refusals)

    async def backlog(self) -> int:
        [row] = await self._database.rows(backlog())
        count: int = row[0]
        return count

    async def _answer(self, owner: str, ids: Sequence[MessageId], **changes: Any) -> None:
        keys = self._claims.keys_of(ids)
        if not keys:
            return
        await self._database.write(lambda connection: connection.execute(update(OUTBOX).where(_mine(owner, keys)).values(changes)))
        self._claims.forget(ids)


def _mine(owner: str, keys: Sequence[Any]) -> ColumnElement[bool]:
    return and_(any_of(_KEY, keys), OUTBOX.c.lease_owner == owner, OUTBOX.c.status.in_(UNPUBLISHED))


def _letter(row: Row[Any], letter_id: DeadLetterId, fault: str, tries: int) -> dict[str, Any]:
    return {
        "shard_key": row.shard_key,
        "letter_id": letter_id,
        "origin": LetterOrigin.OUTBOX,
        "status": LetterStatus.OPEN,
        "reason": fault,
        "tries": tries,
        "died_at": database_clock.now(),
        **message_columns(message_of(row)),
    }


def message_columns(message: OutboxMessage) -> dict[str, Any]:
    """What a dead letter keeps of a message, besides its shard."""
    return {
        "message_id": message.id,
        "aggregate_type": message.aggregate_type,
        "key": message.key,
        "type": message.type,
        "version": message.version,
        "sequence": message.sequence,
        "occurred_at": message.occurred_at,
        "payload": message.payload,
    }


def lowest_of_each_key(limit: int) -> Query:
    """Free messages with none before them: a dead one releases its key."""
    earlier = OUTBOX.alias()
    none_before = (
        ~select(1)
        .where(
            earlier.c.aggregateid == OUTBOX.c.aggregateid,
            earlier.c.sequence < OUTBOX.c.sequence,
            earlier.c.published_at.is_(None),
            earlier.c.status != OutboxStatus.DEAD,
        )
        .correlate(OUTBOX)
        .exists()
    )
    return (
        select(OUTBOX.c.shard_key, OUTBOX.c.id)
        .with_hint(OUTBOX, "FORCE INDEX (ix_outbox_messages_claim)", "mysql")
        .where(_CLAIMABLE, none_before)
        .order_by(OUTBOX.c.status, OUTBOX.c.published_at, OUTBOX.c.occurred_at)
        .limit(limit)
    )


def backlog() -> Query:
    return select(func.count()).where(OUTBOX.c.status.in_(UNPUBLISHED), OUTBOX.c.published_at.is_(None))


def _locked(candidates: Sequence[Any], limit: int) -> Query:
    return select(OUTBOX).where(any_of(_KEY, candidates), _CLAIMABLE).limit(limit).with_for_update(skip_locked=True)


def message_of(row: Row[Any]) -> OutboxMessage:
    return OutboxMessage(
        id=MessageId(row.id),
        shard_key=row.shard_key,
        aggregate_type=row.aggregatetype,
        key=row.aggregateid,
        type=row.type,
        version=row.version,
        sequence=row.sequence,
        occurred_at=row.occurred_at,
        payload=row.payload,
    )
