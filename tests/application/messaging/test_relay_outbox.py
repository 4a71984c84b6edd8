"""Relaying: acknowledged, then marked; whatever fails, nothing is lost and no message is blamed for the broker."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from application.messaging.relay_outbox import RelayOutbox
from application.ports.message_publisher import PartlyPublished, Published
from application.ports.outbox import GivenUp, RetryLater
from domain.errors import BrokerUnavailable, StoreUnavailable
from domain.ids import DeadLetterId
from domain.message import OutboxMessage
from tests.application.test_retrying import Counted, FullChance
from tests.contracts.clocks import FixedClock
from tests.contracts.test_message_broker import message
from tests.fakes.broker import MemoryPublisher
from tests.fakes.outbox import MemoryOutbox

FIRST, SECOND, THIRD = (message(UUID(int=number)) for number in (1, 2, 3))


def relaying(outbox: MemoryOutbox, publisher: MemoryPublisher, metrics: Counted | None = None, **more: int) -> RelayOutbox:
    return RelayOutbox(outbox, publisher, Numbers(), FullChance(), metrics or Counted(), "relay-1", **more)


class Numbers:
    """Ids one after the other."""

    def __init__(self) -> None:
        self._next = 0

    def new_id(self) -> UUID:
        self._next += 1
        return UUID(int=self._next)


async def test_what_waits_is_published_and_then_marked() -> None:
    outbox, publisher = MemoryOutbox(FixedClock(), FIRST, SECOND), MemoryPublisher()
    assert await relaying(outbox, publisher)() == 2
    assert publisher.log == [FIRST, SECOND]
    assert outbox.published == [FIRST.id, SECOND.id]
    assert outbox.leases == {}


async def test_an_empty_outbox_asks_the_broker_nothing() -> None:
    publisher = MemoryPublisher(BrokerUnavailable("would be noticed"))
    assert await relaying(MemoryOutbox(FixedClock()), publisher)() == 0
    assert len(publisher.faults) == 1


async def test_a_pass_is_one_batch() -> None:
    outbox, publisher = MemoryOutbox(FixedClock(), FIRST, SECOND, THIRD), MemoryPublisher()
    relay = relaying(outbox, publisher, batch=2)
    assert [await relay(), await relay(), await relay()] == [2, 1, 0]


async def test_a_broker_that_is_away_gives_the_claims_back_and_says_so() -> None:
    outbox, publisher = MemoryOutbox(FixedClock(), FIRST, SECOND), MemoryPublisher(BrokerUnavailable("away"))
    metrics = Counted()
    relay = relaying(outbox, publisher, metrics)
    with pytest.raises(BrokerUnavailable):
        await relay()
    assert (outbox.published, outbox.leases) == ([], {})
    assert outbox.released == [(FIRST.id, "the broker is away"), (SECOND.id, "the broker is away")]
    assert metrics.counts == [("concert_messages_not_published_total", {"fault": "the broker is away"})]
    assert await relay() == 2


async def test_what_a_broker_took_before_it_went_away_is_marked() -> None:
    outbox, publisher = MemoryOutbox(FixedClock(), FIRST, SECOND), MemoryPublisher(PartlyPublished(Published(acknowledged=(SECOND.id,))))
    with pytest.raises(BrokerUnavailable):
        await relaying(outbox, publisher)()
    assert outbox.published == [SECOND.id]
    assert outbox.released == [(FIRST.id, "the broker stopped answering")]


async def test_a_message_that_is_refused_for_itself_spends_a_try_and_the_rest_goes() -> None:
    outbox, publisher, metrics = MemoryOutbox(FixedClock(), FIRST, SECOND), MemoryPublisher(), Counted()
    publisher.refused = {FIRST.id: "too large"}
    assert await relaying(outbox, publisher, metrics)() == 2
    assert outbox.published == [SECOND.id]
    assert outbox.refusals == [RetryLater(id=FIRST.id, fault="too large", seconds=2.0)]
    assert (outbox.released, outbox.dead) == ([], [])
    assert metrics.counts == [
        ("concert_messages_published_total", {}),
        ("concert_messages_not_published_total", {"fault": "the broker refused the message"}),
    ]


async def test_five_refusals_with_growing_waits_and_it_is_a_dead_letter() -> None:
    clock, metrics = FixedClock(), Counted()
    key = UUID(int=7)
    poison, later = message(key, 1), message(key, 2)
    outbox, publisher = MemoryOutbox(clock, poison, later), MemoryPublisher()
    publisher.refused = {poison.id: "too large"}
    relay = relaying(outbox, publisher, metrics)
    for wait in (2.0, 4.0, 8.0, 16.0):
        assert await relay() == 1
        clock.move(timedelta(seconds=wait - 0.1))
        assert await relay() == 0, "not before its time"
        clock.move(timedelta(seconds=0.1))
    assert await relay() == 1
    assert outbox.refusals == [
        *(RetryLater(id=poison.id, fault="too large", seconds=wait) for wait in (2.0, 4.0, 8.0, 16.0)),
        GivenUp(id=poison.id, fault="too large", letter_id=DeadLetterId(UUID(int=1))),
    ]
    assert outbox.dead == [poison]
    assert [labels for name, labels in metrics.counts if name == "concert_dead_letters_total"] == [{"origin": "OUTBOX"}]
    assert publisher.log == []
    assert await relay() == 1, "its key is free"
    assert publisher.log == [later]


async def test_what_was_refused_before_the_broker_went_away_spends_its_try_and_the_rest_none() -> None:
    outbox = MemoryOutbox(FixedClock(), FIRST, SECOND, THIRD)
    decided = Published(acknowledged=(SECOND.id,), refused={FIRST.id: "too large"})
    with pytest.raises(BrokerUnavailable):
        await relaying(outbox, MemoryPublisher(PartlyPublished(decided)))()
    assert outbox.published == [SECOND.id]
    assert outbox.attempts == {FIRST.id: 1}
    assert outbox.released == [(THIRD.id, "the broker stopped answering")]


async def test_an_outage_of_any_length_spends_no_try() -> None:
    outbox, publisher = MemoryOutbox(FixedClock(), FIRST), MemoryPublisher(*[BrokerUnavailable("away")] * 50)
    relay = relaying(outbox, publisher)
    for _ in range(50):
        with pytest.raises(BrokerUnavailable):
            await relay()
    assert (outbox.attempts, outbox.dead) == ({}, [])
    assert await relay() == 1
    assert outbox.published == [FIRST.id]


async def test_messages_of_one_key_follow_each_other() -> None:
    key = UUID(int=7)
    earlier, later = message(key, 1), message(key, 2)
    outbox, publisher = MemoryOutbox(FixedClock(), later, earlier), MemoryPublisher(BrokerUnavailable("away"))
    relay = relaying(outbox, publisher)
    with pytest.raises(BrokerUnavailable):
        await relay()
    assert [await relay(), await relay(), await relay()] == [1, 1, 0]
    assert publisher.log == [earlier, later]


async def test_what_was_published_and_not_marked_is_published_again() -> None:
    class LosesTheDatabase(MemoryPublisher):
        async def publish(self, messages: Sequence[OutboxMessage]) -> Published:
            outbox.away = True
            return await super().publish(messages)

    clock = FixedClock()
    outbox, publisher = MemoryOutbox(clock, FIRST), LosesTheDatabase()
    with pytest.raises(StoreUnavailable):
        await relaying(outbox, publisher)()
    outbox.away = False
    other = RelayOutbox(outbox, MemoryPublisher(), Numbers(), FullChance(), Counted(), "relay-2", lease_seconds=30)
    assert await other() == 0
    clock.move(timedelta(seconds=31))
    assert await other() == 1
    assert outbox.published == [FIRST.id]


class Hanging(MemoryPublisher):
    async def publish(self, messages: Sequence[OutboxMessage]) -> Published:
        await asyncio.sleep(60)
        return await super().publish(messages)


@pytest.mark.parametrize("database_away", [False, True])
async def test_a_relay_that_is_stopped_hands_its_claims_back_if_it_can(database_away: bool) -> None:
    outbox = MemoryOutbox(FixedClock(), FIRST)
    relay = asyncio.create_task(relaying(outbox, Hanging())())
    await asyncio.sleep(0.01)
    assert FIRST.id in outbox.leases
    outbox.away = database_away
    relay.cancel()
    with pytest.raises(asyncio.CancelledError):
        await relay
    assert outbox.released == ([] if database_away else [(FIRST.id, "the relay was stopped")])
    assert outbox.published == []


async def test_an_outage_is_written_down_when_it_begins(caplog: pytest.LogCaptureFixture) -> None:
    away = [BrokerUnavailable("away") for _ in range(3)]
    outbox, metrics = MemoryOutbox(FixedClock(), FIRST), Counted()
    relay = relaying(outbox, MemoryPublisher(*away), metrics)
    for _ in away:
        with pytest.raises(BrokerUnavailable):
            await relay()
    assert [record.getMessage() for record in caplog.records] == ["messages were not published"]
    assert len([name for name, _ in metrics.counts if name == "concert_messages_not_published_total"]) == 3
