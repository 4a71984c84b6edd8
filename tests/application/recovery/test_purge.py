"""Purging takes what is old, a little at a time, and no more than a pass may."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from application.ports.idempotency_records import IdempotencyRecords
from application.ports.outbox import Outbox
from application.recovery.purge import BATCH, BATCHES, Purge
from domain.ids import MessageId
from domain.message import OutboxMessage

NOW = datetime(2030, 5, 1, 20, 0, tzinfo=UTC)


class StandingClock:
    def now(self) -> datetime:
        return NOW


class Store:
    """So many old rows, and what was asked of them."""

    def __init__(self, old: int) -> None:
        self.old = old
        self.asked: list[tuple[datetime, int]] = []

    async def purge(self, before: datetime, limit: int) -> int:
        self.asked.append((before, limit))
        gone = min(self.old, limit)
        self.old -= gone
        return gone


class OutboxStore(Store):
    async def purge_published(self, before: datetime, limit: int) -> int:
        return await self.purge(before, limit)

    async def claim(self, owner: str, limit: int, lease_seconds: int) -> Sequence[OutboxMessage]:
        raise AssertionError

    async def mark_published(self, owner: str, ids: Sequence[MessageId]) -> None:
        raise AssertionError

    async def release(self, owner: str, ids: Sequence[MessageId], fault: str) -> None:
        raise AssertionError

    async def backlog(self) -> int:
        raise AssertionError


async def purge(outbox: Outbox, records: IdempotencyRecords) -> int:
    return await Purge(outbox, records, StandingClock())()


async def test_records_go_after_a_day_and_messages_after_a_week() -> None:
    outbox, records = OutboxStore(3), Store(4)
    assert await purge(outbox, records) == 7
    assert records.asked == [(NOW - timedelta(hours=24), BATCH)]
    assert outbox.asked == [(NOW - timedelta(days=7), BATCH)]


async def test_many_go_batch_by_batch() -> None:
    outbox, records = OutboxStore(0), Store(2 * BATCH + 1)
    assert await purge(outbox, records) == 2 * BATCH + 1
    assert len(records.asked) == 3
    assert len(outbox.asked) == 1


async def test_a_pass_has_an_end() -> None:
    outbox, records = OutboxStore(5), Store(BATCH * BATCHES + 1)
    assert await purge(outbox, records) == BATCH * BATCHES + 5
    assert records.old == 1
    assert outbox.old == 0
