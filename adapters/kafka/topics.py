"""The topics there are. Brokers create none by themselves."""

import asyncio
from datetime import timedelta

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from application.ports.dead_letter_topic import SUFFIX
from domain.errors import BrokerUnavailable

TOPIC = "concert.reservations"
PARTITIONS = 12
"""Where a key's messages lie follows from it: changing it later breaks their order for a while."""
REPLICAS = 3
KEPT = timedelta(days=7)
"""How long a message can be read again: the inbox has to remember for longer."""
DEAD_KEPT = timedelta(days=30)


def topic_named(prefix: str = "") -> str:
    """The topic of bookings, where several installations share a cluster."""
    return f"{prefix}{TOPIC}"


def dead_letter_topic_of(topic: str) -> str:
    return f"{topic}{SUFFIX}"


async def create_topics(
    bootstrap: str,
    topics: tuple[str, ...] = (TOPIC,),
    partitions: int = PARTITIONS,
    replication_factor: int | None = None,
    kept: timedelta = KEPT,
    deadline_seconds: float = 15.0,
) -> None:
    """Those that are there already stay as they are. Three replicas, or as many as there are brokers. Raises BrokerUnavailable."""
    configs = {"retention.ms": str(round(kept.total_seconds() * 1000))}
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=round(deadline_seconds * 1000))
    try:
        async with asyncio.timeout(deadline_seconds):
            await admin.start()
            replicas = replication_factor or min(REPLICAS, len((await admin.describe_cluster())["brokers"]))
            response = await admin.create_topics([NewTopic(name, partitions, replicas, topic_configs=configs) for name in topics])
    except (TimeoutError, KafkaError, OSError) as fault:
        raise BrokerUnavailable(type(fault).__name__) from fault
    finally:
        await admin.close()
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise BrokerUnavailable(f"{name}: {error.__name__}")
