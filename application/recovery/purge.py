"""Forgetting what nobody will ask for any more."""

from dataclasses import dataclass
from datetime import timedelta

from application.ports.clock import Clock
from application.ports.idempotency_records import IdempotencyRecords
from application.ports.old_rows import OldRows

IDEMPOTENCY_KEPT = timedelta(hours=24)
OUTBOX_KEPT = timedelta(days=7)
INBOX_KEPT = timedelta(days=30)
"""Longer than a message can come again: a dead letter is redriven within 14 days, and lies in the topic for 7 more."""
LETTERS_KEPT = timedelta(days=365)
"""Of those that ended, and of the audit. A letter that is open is never forgotten."""
BATCH = 500
"""Small, so that no payment waits behind it."""
BATCHES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OldMessages:
    """What messaging leaves behind."""

    published: OldRows
    inbox: OldRows
    handled_keys: OldRows
    ended_letters: OldRows
    audit: OldRows


class Purge:
    def __init__(self, messages: OldMessages, idempotency: IdempotencyRecords, clock: Clock) -> None:
        self._kept: tuple[tuple[OldRows, timedelta], ...] = (
            (idempotency, IDEMPOTENCY_KEPT),
            (messages.published, OUTBOX_KEPT),
            (messages.inbox, INBOX_KEPT),
            (messages.handled_keys, INBOX_KEPT),
            (messages.ended_letters, LETTERS_KEPT),
            (messages.audit, LETTERS_KEPT),
        )
        self._clock = clock

    async def __call__(self) -> int:
        """Each kind after its time, in small batches; returns how many rows.

        At most ``BATCHES`` batches of each a pass: what is left then waits for the next.
        """
        forgotten = 0
        for rows, kept in self._kept:
            for _ in range(BATCHES):
                count = await rows.purge(self._clock.now() - kept, BATCH)
                forgotten += count
                if count < BATCH:
                    break
        return forgotten
