"""A process to be killed: publishes and consumes without end, and says on stdout what was acknowledged and what committed."""

import asyncio
import sys
from pathlib import Path
from uuid import UUID, uuid4

from adapters.embedded.broker import EmbeddedBroker
from domain.ids import MessageId
from domain.message import OutboxMessage
from tests.contracts.clocks import FixedClock

KEYS = [UUID(int=number) for number in range(1, 6)]


def message(key: UUID, sequence: int) -> OutboxMessage:
    return OutboxMessage(
        id=MessageId(uuid4()),
        shard_key=UUID(int=0),
        aggregate_type="reservation",
        key=key,
        type="PaymentCompleted",
        version=1,
        sequence=sequence,
        occurred_at=FixedClock().now(),
        payload="{}",
    )


def say(word: str, *numbers: object) -> None:
    sys.stdout.write(" ".join([word, *map(str, numbers)]) + "\n")
    sys.stdout.flush()


async def publish(broker: EmbeddedBroker, first_sequence: int) -> None:
    sequence = first_sequence
    while True:
        for acknowledged in (await broker.publish([message(key, sequence) for key in KEYS])).acknowledged:
            say("acknowledged", acknowledged)
        sequence += 1


async def consume(broker: EmbeddedBroker) -> None:
    subscriber = broker.subscriber("consumer")
    while True:
        deliveries = await subscriber.receive(7, 1.0)
        await subscriber.commit(deliveries)
        for delivery in deliveries:
            if delivery.message is not None:
                say("committed", delivery.message.id)


async def main(path: Path, first_sequence: int) -> None:
    broker = EmbeddedBroker(path, FixedClock())
    await asyncio.gather(publish(broker, first_sequence), consume(broker))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
