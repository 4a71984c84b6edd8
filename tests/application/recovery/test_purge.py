"""Purging takes what is old, a little at a time, and no more than a pass may."""

from datetime import UTC, datetime, timedelta

from application.messaging.dead_letters import REDRIVE_WITHIN
from application.recovery.purge import BATCH, BATCHES, INBOX_KEPT, NOTIFICATIONS_KEPT, OldAttempts, OldMessages, Purge

NOW = datetime(2030, 5, 1, 20, 0, tzinfo=UTC)


class StandingClock:
    def now(self) -> datetime:
        return NOW


class Store:
    """So many old rows, and what was asked of them."""

    def __init__(self, old: int = 0) -> None:
        self.old = old
        self.asked: list[tuple[datetime, int]] = []

    async def purge(self, before: datetime, limit: int) -> int:
        self.asked.append((before, limit))
        gone = min(self.old, limit)
        self.old -= gone
        return gone


class Stores:
    def __init__(self, published: int = 0, records: int = 0) -> None:
        self.published, self.records = Store(published), Store(records)
        self.inbox, self.keys, self.letters, self.audit = Store(1), Store(2), Store(3), Store(4)
        self.notifications, self.errands, self.orders = Store(5), Store(6), Store(7)
        messages = OldMessages(
            published=self.published,
            inbox=self.inbox,
            handled_keys=self.keys,
            ended_letters=self.letters,
            audit=self.audit,
            notifications=self.notifications,
        )
        attempts = OldAttempts(errands=self.errands, orders=self.orders)
        self.purge = Purge(messages, attempts, self.records, StandingClock())


MORE = 1 + 2 + 3 + 4 + 5 + 6 + 7


async def test_each_kind_goes_after_its_time() -> None:
    stores = Stores(published=3, records=4)
    assert await stores.purge() == 7 + MORE
    assert stores.records.asked == [(NOW - timedelta(hours=24), BATCH)]
    assert stores.published.asked == [(NOW - timedelta(days=7), BATCH)]
    assert stores.inbox.asked == stores.keys.asked == [(NOW - timedelta(days=30), BATCH)]
    assert stores.letters.asked == stores.audit.asked == [(NOW - timedelta(days=365), BATCH)]
    assert stores.notifications.asked == stores.errands.asked == [(NOW - timedelta(days=90), BATCH)]
    assert stores.orders.asked == [(NOW - timedelta(days=7), BATCH)]
    assert NOTIFICATIONS_KEPT > INBOX_KEPT, "what a message led to is known for as long as the message is"


def test_the_inbox_remembers_for_longer_than_a_message_can_come_again() -> None:
    """A redriven message lies on the topic for as long as the topic keeps messages: seven days, by ``adapters.kafka.topics.KEPT``."""
    from adapters.embedded.broker import KEPT_UNHANDLED
    from adapters.kafka.topics import KEPT

    assert REDRIVE_WITHIN + max(KEPT, KEPT_UNHANDLED) < INBOX_KEPT


async def test_many_go_batch_by_batch() -> None:
    stores = Stores(records=2 * BATCH + 1)
    assert await stores.purge() == 2 * BATCH + 1 + MORE
    assert len(stores.records.asked) == 3
    assert len(stores.published.asked) == 1


async def test_a_pass_has_an_end() -> None:
    stores = Stores(published=5, records=BATCH * BATCHES + 1)
    assert await stores.purge() == BATCH * BATCHES + 5 + MORE
    assert stores.records.old == 1
    assert stores.published.old == 0
