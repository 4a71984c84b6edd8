"""The whole way, from a row in the outbox to the phone, twice over: two relays, two consumers, two notifiers."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from adapters.embedded.broker import EmbeddedBroker
from adapters.kafka.publisher import KafkaPublisher
from adapters.kafka.subscriber import KafkaSubscriber
from adapters.kafka.topics import create_topics
from adapters.notification.alimtalk import AlimtalkChannel
from adapters.notification.nhn_client import NhnClient
from adapters.sql.database import Database, database_at
from adapters.sql.dead_letter_queue import SqlDeadLetterQueue
from adapters.sql.migrate import migrate
from adapters.sql.notification_queue import SqlNotificationQueue
from adapters.sql.outbox import SqlOutbox
from adapters.sql.person_view import SqlPersonView
from adapters.sql.unit_of_work import SqlUnitOfWork
from adapters.system.clock import SystemClock
from adapters.system.ids import Uuid7Generator
from adapters.system.jitter import RandomJitter
from adapters.system.sleeper import AsyncioSleeper
from application.messaging.bury_poison import BuryPoison
from application.messaging.consume_messages import ConsumeMessages
from application.messaging.relay_outbox import RelayOutbox
from application.messaging.send_notifications import SendNotifications
from application.ports.message_publisher import MessagePublisher
from application.ports.message_subscriber import MessageSubscriber
from application.ports.unit_of_work import Needs
from application.retrying import Retrying
from application.transactor import Transactor
from application.work import Work
from domain.contact import Contact
from domain.ids import ConcertId, MessageId, UserId
from domain.message import OutboxMessage
from domain.notification import Channel
from entrypoints.simulators.mailbox import Mail, Mailbox, Search
from entrypoints.simulators.nhn import create_app
from tests.adapters.notification.scene import ALIMTALK_ACCOUNT, SMS_ACCOUNT
from tests.application.test_retrying import Counted
from tests.application.test_transactor import Told
from tests.fakes.broker import MemoryDeadLetterTopic
from tests.fakes.served import served

CONCERT = ConcertId(UUID(int=1))
FANS = 20
TYPES = ("PaymentCompleted", "PaymentCancelled", "PaymentCompleted")
"""What each fan is told, in this order."""

Role = Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    message: OutboxMessage

    def needs(self) -> Needs:
        return Needs(shard=self.message.shard_key)

    def decide(self, work: Work) -> None:
        work.outbox.add(self.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    contact: Contact

    def needs(self) -> Needs:
        return Needs(shard=self.contact.user_id, contacts=(self.contact.user_id,))

    def decide(self, work: Work) -> None:
        work.contacts.save(self.contact)


@dataclass
class House:
    unit_of_work: SqlUnitOfWork
    roles: list[Role]
    publisher: MessagePublisher
    mailbox: Mailbox


def fan(number: int) -> UserId:
    return UserId(UUID(int=1000 + number))


def phone(number: int) -> str:
    return f"010{number:08}"


def message(number: int, sequence: int) -> OutboxMessage:
    facts = {
        "concertId": str(CONCERT),
        "userId": str(fan(number)),
        "amount": sequence,
        "title": "첫눈",
        "venue": "올림픽홀",
        "startsAt": datetime(2030, 5, 9, 10, 30, tzinfo=UTC).isoformat(),
        "seats": [{"section": "A", "row": "1", "number": number, "grade": "R"}],
    }
    return OutboxMessage(
        id=MessageId(uuid4()),
        shard_key=CONCERT,
        aggregate_type="reservation",
        key=UUID(int=number),
        type=TYPES[sequence - 1],
        version=1,
        sequence=sequence,
        occurred_at=datetime.now(UTC) + timedelta(microseconds=sequence),
        payload=json.dumps(facts, ensure_ascii=False),
    )


@asynccontextmanager
async def kafka(bootstrap: str) -> AsyncIterator[tuple[list[MessagePublisher], list[MessageSubscriber]]]:
    topic = f"{uuid4()}.concert.reservations"
    await create_topics(bootstrap, (topic,), partitions=4)
    publishers = [KafkaPublisher(bootstrap, topic) for _ in range(2)]
    subscribers = [KafkaSubscriber(bootstrap, "consumer", topic) for _ in range(2)]
    yield list(publishers), list(subscribers)
    for publisher in publishers:
        await publisher.close()
    for subscriber in subscribers:
        await subscriber.close()


@asynccontextmanager
async def embedded(path: Path) -> AsyncIterator[tuple[list[MessagePublisher], list[MessageSubscriber]]]:
    broker = EmbeddedBroker(path, SystemClock())
    subscribers = [broker.subscriber("consumer") for _ in range(2)]
    yield [broker, broker], list(subscribers)
    for subscriber in subscribers:
        await subscriber.close()
    await broker.close()


def roles_of(
    database: Database,
    unit_of_work: SqlUnitOfWork,
    publishers: list[MessagePublisher],
    subscribers: list[MessageSubscriber],
    alimtalk: AlimtalkChannel,
) -> list[Role]:
    transactor = Transactor(unit_of_work, {}, Told(), Counted())
    retrying = Retrying(AsyncioSleeper(), RandomJitter(), Counted())
    sending = (SystemClock(), AsyncioSleeper(), RandomJitter(), Counted())
    people = SqlPersonView(database)
    chances = (Uuid7Generator(), RandomJitter())
    bury = BuryPoison(SqlDeadLetterQueue(database), MemoryDeadLetterTopic(), SystemClock(), Uuid7Generator(), Counted())
    return [
        *(RelayOutbox(SqlOutbox(database), each, *chances, Counted(), f"relay-{n}", batch=7) for n, each in enumerate(publishers)),
        *(ConsumeMessages(each, transactor, retrying, people, bury, Counted(), batch=5, wait_seconds=0.1) for each in subscribers),
        *(SendNotifications(SqlNotificationQueue(database), {Channel.ALIMTALK: alimtalk}, *sending, f"notifier-{n}") for n in range(2)),
    ]


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.real)])
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    real = request.param == "real"
    url = request.getfixturevalue("mysql_database") if real else f"sqlite:///{tmp_path / 'concert.db'}"
    await migrate(url)
    async with AsyncExitStack() as stack:
        app = create_app(tmp_path / "mailbox.db", alimtalk=ALIMTALK_ACCOUNT, sms=SMS_ACCOUNT)
        provider = await stack.enter_async_context(served(app))
        client = NhnClient(provider, ALIMTALK_ACCOUNT.secret_key)
        stack.push_async_callback(client.close)
        database = database_at(url)
        await database.open()
        stack.push_async_callback(database.close)
        unit_of_work = SqlUnitOfWork(database, SystemClock(), Counted())
        await unit_of_work.open()
        stack.push_async_callback(unit_of_work.close)
        broker = kafka(request.getfixturevalue("kafka_bootstrap")) if real else embedded(tmp_path / "concert.db")
        publishers, subscribers = await stack.enter_async_context(broker)
        alimtalk = AlimtalkChannel(client, ALIMTALK_ACCOUNT.appkey, "sender-key")
        yield House(
            unit_of_work=unit_of_work,
            roles=roles_of(database, unit_of_work, publishers, subscribers, alimtalk),
            publisher=publishers[0],
            mailbox=app.state.mailbox,
        )


async def for_ever(role: Role) -> None:
    while True:
        if not await role():
            await asyncio.sleep(0.02)


async def mails_of(mailbox: Mailbox) -> Mapping[str, list[Mail]]:
    """Each phone's, oldest first."""
    mails: dict[str, list[Mail]] = {}
    for mail in reversed(await mailbox.search(Search(limit=1000))):
        mails.setdefault(mail.phone, []).append(mail)
    return mails


async def test_each_message_reaches_its_fan_once(house: House) -> None:
    messages = [message(number, sequence) for sequence in (1, 2, 3) for number in range(FANS)]
    for number in range(FANS):
        await house.unit_of_work.run(Reach(contact=Contact(user_id=fan(number), phone=phone(number), chosen=True)))
    await asyncio.gather(*(house.unit_of_work.run(Tell(message=each)) for each in messages))
    working = [asyncio.create_task(for_ever(role)) for role in house.roles]
    await asyncio.sleep(0.3)
    await house.publisher.publish(messages[:FANS])  # what is repeated on the broker is told once all the same
    async with asyncio.timeout(60):
        while sum(map(len, (await mails_of(house.mailbox)).values())) < len(messages):
            for role in working:
                assert not role.done(), role
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    for role in working:
        role.cancel()
    await asyncio.gather(*working, return_exceptions=True)
    mails = await mails_of(house.mailbox)
    assert {number: len(mails[phone(number)]) for number in range(FANS)} == dict.fromkeys(range(FANS), 3)
    in_order = ["PAYMENT_COMPLETED", "PAYMENT_CANCELLED", "PAYMENT_COMPLETED"]
    assert {number: [mail.template for mail in mails[phone(number)]] for number in range(FANS)} == dict.fromkeys(range(FANS), in_order)
