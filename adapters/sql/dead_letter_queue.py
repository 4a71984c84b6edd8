"""Dead letters: those of the outbox are written where their message dies, those of consumers here."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, update

from adapters.sql import database_clock
from adapters.sql.core_tables import DEAD_LETTER_AUDIT as AUDIT
from adapters.sql.core_tables import DEAD_LETTERS as LETTERS
from adapters.sql.core_tables import OUTBOX_MESSAGES as OUTBOX
from adapters.sql.database import Database
from adapters.sql.lookups import CEILING, Query, page_of, page_size
from adapters.sql.outbox import LONGEST_FAULT, UNPUBLISHED, message_columns
from application.ports.catalogue import Page
from application.ports.dead_letter_queue import DeadLetter, Decision, LetterEnd, LetterFilter, LetterOrigin, LetterStatus
from domain.ids import DeadLetterId, MessageId
from domain.message import OutboxMessage, OutboxStatus

NO_SHARD = UUID(int=0)
"""Of letters that do not tell theirs."""
LONGEST_EXCERPT, LONGEST_OPERATOR, LONGEST_NOTE = 1000, 100, 500

_AS_NEVER_TRIED: dict[str, Any] = {
    "status": OutboxStatus.PENDING,
    "attempts": 0,
    "published_at": None,
    "next_attempt_at": None,
    "last_fault": None,
    "lease_owner": None,
    "leased_until": None,
}


class SqlDeadLetterQueue:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """One after the other under the lock of its position, so that a repeat finds the first."""

        def add(connection: Connection) -> None:
            for letter in letters:
                row = _row_of(letter)
                same = (LETTERS.c.shard_key == row["shard_key"], LETTERS.c.position == row["position"])
                if letter.position is None or connection.execute(select(LETTERS.c.letter_id).where(*same)).first() is None:
                    connection.execute(insert(LETTERS).values(row))

        await self._database.write(add)

    async def letters(self, which: LetterFilter, first: int, after: DeadLetterId | None) -> Page[DeadLetter]:
        conditions = [
            column == value
            for column, value in ((LETTERS.c.status, which.status), (LETTERS.c.type, which.type), (LETTERS.c.origin, which.origin))
            if value is not None
        ]
        if after is not None:
            conditions.append(LETTERS.c.letter_id > after)
        index = "ix_dead_letters_letter_id" if which.status is None else "ix_dead_letters_status"
        page = _with_audit().where(*conditions).order_by(LETTERS.c.letter_id).limit(page_size(first) + 1)
        statement = page.with_hint(LETTERS, f"FORCE INDEX ({index})", "mysql")
        return page_of(await self._database.rows(statement), first, _letter)

    async def letters_by_id(self, ids: Sequence[DeadLetterId]) -> Sequence[DeadLetter | None]:
        found: dict[UUID, DeadLetter] = {}
        for start in range(0, len(ids), CEILING):
            rows = await self._database.rows(_with_audit().where(LETTERS.c.letter_id.in_(ids[start : start + CEILING])))
            found |= {row.letter_id: _letter(row) for row in rows}
        return [found.get(letter_id) for letter_id in ids]

    async def redrive(self, ids: Sequence[DeadLetterId], decision: Decision) -> Sequence[DeadLetterId]:
        return await self._end(ids, LetterStatus.REDRIVEN, decision, _send_again)

    async def discard(self, ids: Sequence[DeadLetterId], decision: Decision) -> Sequence[DeadLetterId]:
        return await self._end(ids, LetterStatus.DISCARDED, decision, _forget)

    async def _end(
        self,
        ids: Sequence[DeadLetterId],
        status: LetterStatus,
        decision: Decision,
        also: "Callable[[Connection, Row[Any]], bool]",
    ) -> Sequence[DeadLetterId]:
        """``also``: what becomes of the message itself; False where it cannot, and the letter stays open."""

        def end(connection: Connection) -> list[DeadLetterId]:
            ended: list[DeadLetterId] = []
            still_open = select(LETTERS).where(LETTERS.c.letter_id.in_(ids), LETTERS.c.status == LetterStatus.OPEN)
            for row in connection.execute(still_open.order_by(LETTERS.c.letter_id).with_for_update()).all():
                if not also(connection, row):
                    continue
                changes = {"status": status, "ended_at": database_clock.now()}
                connection.execute(update(LETTERS).where(*_same_letter(row)).values(changes))
                connection.execute(insert(AUDIT).values(_audit_entry(row, status, decision)))
                ended.append(DeadLetterId(row.letter_id))
            return ended

        return await self._database.write(end)


def _with_audit() -> Query:
    same = (AUDIT.c.shard_key == LETTERS.c.shard_key) & (AUDIT.c.letter_id == LETTERS.c.letter_id)
    letters = select(LETTERS, AUDIT.c.operator, AUDIT.c.note, AUDIT.c.at).select_from(LETTERS.outerjoin(AUDIT, same))
    return letters.with_hint(AUDIT, "FORCE INDEX (PRIMARY)", "mysql")


def _same_letter(row: Row[Any]) -> tuple[Any, ...]:
    return LETTERS.c.shard_key == row.shard_key, LETTERS.c.letter_id == row.letter_id


def _audit_entry(row: Row[Any], status: LetterStatus, decision: Decision) -> dict[str, Any]:
    return {
        "shard_key": row.shard_key,
        "letter_id": row.letter_id,
        "action": status,
        "operator": decision.operator[:LONGEST_OPERATOR],
        "note": decision.note[:LONGEST_NOTE],
        "at": database_clock.now(),
    }


def _send_again(connection: Connection, letter: Row[Any]) -> bool:
    """One that is on its way already is left alone; one that was purged as published is put back."""
    message = _message(letter)
    if message is None:
        return False
    same = (OUTBOX.c.shard_key == message.shard_key, OUTBOX.c.id == message.id)
    found = connection.execute(select(OUTBOX.c.status).where(*same).with_for_update()).first()
    if found is None:
        connection.execute(insert(OUTBOX).values(_outbox_row(message)))
    elif found.status not in UNPUBLISHED:
        connection.execute(update(OUTBOX).where(*same).values(_AS_NEVER_TRIED))
    return True


def _forget(connection: Connection, letter: Row[Any]) -> bool:
    """The letter keeps all there is to know, so the outbox need not."""
    dead = (OUTBOX.c.shard_key == letter.shard_key, OUTBOX.c.id == letter.message_id, OUTBOX.c.status == OutboxStatus.DEAD)
    if letter.origin == LetterOrigin.OUTBOX:
        connection.execute(OUTBOX.delete().where(*dead))
    return True


def _outbox_row(message: OutboxMessage) -> dict[str, Any]:
    return {
        "shard_key": message.shard_key,
        "id": message.id,
        "aggregatetype": message.aggregate_type,
        "aggregateid": message.key,
        "type": message.type,
        "version": message.version,
        "sequence": message.sequence,
        "occurred_at": message.occurred_at,
        "payload": message.payload,
        **_AS_NEVER_TRIED,
    }


def _row_of(letter: DeadLetter) -> dict[str, Any]:
    message = letter.message
    return {
        "shard_key": message.shard_key if message else NO_SHARD,
        "letter_id": letter.id,
        "origin": letter.origin,
        "status": letter.status,
        "reason": letter.reason[:LONGEST_FAULT],
        "tries": letter.tries,
        "died_at": letter.died_at,
        "position": letter.position,
        "excerpt": letter.excerpt and letter.excerpt[:LONGEST_EXCERPT],
        **(message_columns(message) if message else {}),
    }


def _letter(row: Row[Any]) -> DeadLetter:
    end = None if row.at is None else LetterEnd(decision=Decision(operator=row.operator, note=row.note), at=row.at)
    return DeadLetter(
        id=DeadLetterId(row.letter_id),
        origin=LetterOrigin(row.origin),
        status=LetterStatus(row.status),
        reason=row.reason,
        tries=row.tries,
        died_at=row.died_at,
        message=_message(row),
        position=row.position,
        excerpt=row.excerpt,
        end=end,
    )


def _message(row: Row[Any]) -> OutboxMessage | None:
    if row.message_id is None:
        return None
    return OutboxMessage(
        id=MessageId(row.message_id),
        shard_key=row.shard_key,
        aggregate_type=row.aggregate_type,
        key=row.key,
        type=row.type,
        version=row.version,
        sequence=row.sequence,
        occurred_at=row.occurred_at,
        payload=row.payload,
    )
