"""Forgetting what nobody will ask for any more."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from application.ports.clock import Clock
from application.ports.idempotency_records import IdempotencyRecords
from application.ports.outbox import Outbox

IDEMPOTENCY_KEPT = timedelta(hours=24)
OUTBOX_KEPT = timedelta(days=7)
BATCH = 500
"""Small, so that no payment waits behind it."""
BATCHES = 20


class Purge:
    def __init__(self, outbox: Outbox, idempotency: IdempotencyRecords, clock: Clock) -> None:
        self._outbox = outbox
        self._idempotency = idempotency
        self._clock = clock

    async def __call__(self) -> int:
        """Idempotency records after 24 hours, published messages after 7 days, in small batches; returns how many.

        At most ``BATCHES`` batches of each a pass: what is left then waits for the next.
        """
        now = self._clock.now()
        forgotten = await _in_batches(lambda: self._idempotency.purge(now - IDEMPOTENCY_KEPT, BATCH))
        return forgotten + await _in_batches(lambda: self._outbox.purge_published(now - OUTBOX_KEPT, BATCH))


async def _in_batches(purge: Callable[[], Awaitable[int]]) -> int:
    forgotten = 0
    for _ in range(BATCHES):
        count = await purge()
        forgotten += count
        if count < BATCH:
            break
    return forgotten
