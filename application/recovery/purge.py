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
NOTIFICATIONS_KEPT = timedelta(days=90)
"""Of those that ended: they carry a phone number and what was told, and no personal data is kept for ever. Longer than the
inbox, so that a message that comes again finds what it led to; as long as the provider itself can be asked about a message.
"""
ERRANDS_KEPT = timedelta(days=90)
"""Of those that are closed, from when they were made. Until then a webhook may have one looked up again, which comes within four
days, and the gateway knows an idempotency key for 15; what was paid and given back stands in the payment itself. An errand that
is open or waits for a person is never forgotten.
"""
ORDERS_KEPT = timedelta(days=7)
"""An order can be paid for half an hour, and who pays for it again is known by the payment. After that it only serves to say that it is
too late, instead of that there is none.
"""
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
    notifications: OldRows


@dataclass(frozen=True, slots=True, kw_only=True)
class OldAttempts:
    """What paying by card leaves behind, besides the payments."""

    errands: OldRows
    orders: OldRows


class Purge:
    def __init__(self, messages: OldMessages, attempts: OldAttempts, idempotency: IdempotencyRecords, clock: Clock) -> None:
        self._kept: tuple[tuple[OldRows, timedelta], ...] = (
            (idempotency, IDEMPOTENCY_KEPT),
            (messages.published, OUTBOX_KEPT),
            (messages.inbox, INBOX_KEPT),
            (messages.handled_keys, INBOX_KEPT),
            (messages.ended_letters, LETTERS_KEPT),
            (messages.audit, LETTERS_KEPT),
            (messages.notifications, NOTIFICATIONS_KEPT),
            (attempts.errands, ERRANDS_KEPT),
            (attempts.orders, ORDERS_KEPT),
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
