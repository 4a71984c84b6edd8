"""Reading from Kafka: offsets are committed by hand, after the handling."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from adapters.kafka.envelope import NotAnEnvelope, unpack
from adapters.kafka.topics import TOPIC
from application.ports.message_subscriber import Delivery
from domain.errors import BrokerUnavailable

log = logging.getLogger(__name__)


class KafkaSubscriber:
    """A MessageSubscriber; those of one ``group`` share the partitions. Joins at the first ``receive``; call ``close``.

    Whoever loses a partition while its messages are being handled cannot commit them any more; whoever gets it starts
    where the last commit was. So a message may be handled twice, which its handler has to bear, and none is left out.
    """

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topic: str = TOPIC,
        join_seconds: float = 30.0,
        commit_seconds: float = 5.0,
        close_seconds: float = 2.0,
    ) -> None:
        self._bootstrap = bootstrap
        self._group = group
        self._topic = topic
        self._join_seconds = join_seconds
        self._commit_seconds = commit_seconds
        self._close_seconds = close_seconds
        self._consumer: AIOKafkaConsumer | None = None

    async def receive(self, limit: int, wait_seconds: float) -> Sequence[Delivery]:
        """The first call also joins the group. A broker that goes away later reads as silence: the consumer waits for it."""
        consumer = await self._joined()
        try:
            found = await consumer.getmany(timeout_ms=round(wait_seconds * 1000), max_records=limit)
        except (KafkaError, OSError) as fault:
            await self.close()
            raise BrokerUnavailable(type(fault).__name__) from fault
        return [_delivery(record) for records in found.values() for record in records]

    async def commit(self, deliveries: Sequence[Delivery]) -> None:
        """What belongs to another by now is left to them. Raises BrokerUnavailable."""
        consumer = self._consumer
        if consumer is None:
            return
        ends: dict[TopicPartition, int] = {}
        for delivery in deliveries:
            topic, partition, offset = delivery.position
            owned = TopicPartition(topic, partition)
            ends[owned] = max(ends.get(owned, 0), offset + 1)
        ends = {owned: end for owned, end in ends.items() if owned in consumer.assignment()}
        if not ends:
            return
        try:
            async with asyncio.timeout(self._commit_seconds):
                await consumer.commit(ends)
        except (CommitFailedError, IllegalStateError) as fault:
            log.warning("offsets were not committed: the partitions are dealt anew", extra={"fault": type(fault).__name__})
        except (TimeoutError, KafkaError, OSError) as fault:
            raise BrokerUnavailable(type(fault).__name__) from fault

    async def close(self) -> None:
        """Leaves the group, so that others take over at once. What was not committed comes again."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await self._end(consumer)

    async def _joined(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                self._topic,
                bootstrap_servers=self._bootstrap,
                group_id=self._group,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                isolation_level="read_committed",
            )
            try:
                async with asyncio.timeout(self._join_seconds):
                    await consumer.start()
            except (TimeoutError, KafkaError, OSError) as fault:
                await self._end(consumer)
                raise BrokerUnavailable(type(fault).__name__) from fault
            except BaseException:
                await self._end(consumer)
                raise
            self._consumer = consumer
        return self._consumer

    async def _end(self, consumer: AIOKafkaConsumer) -> None:
        """``stop`` leaves the group. Where the broker is away it waits long, or ends in a cancellation of its own making."""
        stopping = asyncio.create_task(consumer.stop())
        try:
            await asyncio.wait([stopping], timeout=self._close_seconds)
            if not stopping.done():
                await consumer._client.close()  # what it waits for is cut off, and it goes on
                await asyncio.wait([stopping], timeout=self._close_seconds)
        finally:
            stopping.cancel()
            await consumer._client.close()
        if stopping.done() and not stopping.cancelled() and (fault := stopping.exception()) is not None:
            log.warning("the consumer did not leave its group", extra={"fault": type(fault).__name__})


def _delivery(record: "ConsumerRecord[bytes, bytes]") -> Delivery:
    lies = Delivery(
        message=None,
        position=(record.topic, record.partition, record.offset),
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
    )
    try:
        return replace(lies, message=unpack(record.value))
    except NotAnEnvelope as reason:
        return replace(lies, unreadable=str(reason))
