"""Publishing to Kafka: acknowledged by all replicas, or not acknowledged at all, within a deadline."""

import asyncio
import contextlib
import logging
from asyncio import Future
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from adapters.kafka.envelope import headers_of, key_of, pack
from adapters.kafka.topics import TOPIC
from application.ports.message_publisher import PartlyPublished
from domain.errors import BrokerUnavailable
from domain.ids import MessageId
from domain.message import OutboxMessage

log = logging.getLogger(__name__)

FAULTS_OF_THE_MESSAGE = (MessageSizeTooLargeError, RecordListTooLargeError)
"""Everything else says something about the broker, or about our producer."""


class KafkaPublisher:
    """A MessagePublisher. Connects at the first message; call ``close`` in the end.

    An idempotent producer never gives up by itself, nor recovers from every fault (a sequence out of order, a fence, a
    send that timed out stay with it for good), so after any fault of the broker the producer is thrown away.
    """

    def __init__(self, bootstrap: str, topic: str = TOPIC, deadline_seconds: float = 10.0, close_seconds: float = 2.0) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._deadline_seconds = deadline_seconds
        self._close_seconds = close_seconds
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def publish(self, messages: Sequence[OutboxMessage]) -> Sequence[MessageId]:
        sends: dict[MessageId, Future[Any]] = {}
        fault: BaseException | None = None
        try:
            async with asyncio.timeout(self._deadline_seconds):
                await self._send(messages, sends)
                if sends:
                    await asyncio.wait(sends.values())
        except (TimeoutError, KafkaError, OSError) as error:
            fault = error
        acknowledged = [message_id for message_id, send in sends.items() if send.done() and send.exception() is None]
        fault = fault or _fault_of_the_broker(sends.values())
        if fault is None:
            return acknowledged
        await self._discard()
        raise (PartlyPublished(acknowledged) if acknowledged else BrokerUnavailable(type(fault).__name__)) from fault

    async def close(self) -> None:
        """Nothing waits to be sent: ``publish`` has seen every ack it answered for."""
        await self._discard()

    async def _send(self, messages: Sequence[OutboxMessage], sends: dict[MessageId, Future[Any]]) -> None:
        """One after the other, so that each key's messages keep their order; the acks come as they may."""
        if not messages:
            return
        producer = await self._connected()
        for message in messages:
            try:
                sends[message.id] = await producer.send(self._topic, pack(message), key=key_of(message), headers=headers_of(message))
            except FAULTS_OF_THE_MESSAGE as fault:
                log.error("a message cannot be published", extra={"id": str(message.id), "fault": type(fault).__name__})

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._bootstrap,
                    acks="all",
                    enable_idempotence=True,
                    request_timeout_ms=round(self._deadline_seconds * 1000),
                )
                try:
                    await producer.start()
                except BaseException:
                    await self._end(producer)
                    raise
                self._producer = producer
            return self._producer

    async def _discard(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await self._end(producer)

    async def _end(self, producer: AIOKafkaProducer) -> None:
        """``stop`` waits, for ever if need be, until everything is delivered. Here nothing is worth waiting for."""
        sender: asyncio.Task[None] | None = producer._sender.sender_task
        producer._closed = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._close_seconds):
                await producer.client.close()
                while sender is not None and not sender.done():
                    sender.cancel()  # once more where it waits for a request that was cut off
                    await asyncio.wait([sender], timeout=0.1)


def _fault_of_the_broker(sends: Iterable[Future[Any]]) -> BaseException | None:
    for send in sends:
        if send.done() and (fault := send.exception()) is not None and not isinstance(fault, FAULTS_OF_THE_MESSAGE):
            return fault
    return None
