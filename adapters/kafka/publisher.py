"""Publishing to Kafka: acknowledged by all replicas, or not acknowledged at all, within a deadline."""

import asyncio
import logging
from asyncio import Future
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import KafkaError

from adapters.kafka.envelope import headers_of, key_of, pack
from adapters.kafka.producing import FAULTS_OF_THE_MESSAGE, Producing
from adapters.kafka.topics import TOPIC
from application.ports.message_publisher import PartlyPublished, Published
from domain.errors import BrokerUnavailable
from domain.ids import MessageId
from domain.message import OutboxMessage

log = logging.getLogger(__name__)

OTHERS_SECONDS = 0.5
"""How long, after a refusal, the other answers that are under way are waited for: what has not come is sent once more."""


@dataclass(slots=True)
class _Batch:
    """What has become of its messages so far."""

    sends: "dict[MessageId, Future[Any]]" = field(default_factory=dict)
    refused: dict[MessageId, str] = field(default_factory=dict)

    def result(self) -> Published:
        acknowledged = tuple(message_id for message_id, send in self.sends.items() if _acknowledged(send))
        return Published(acknowledged=acknowledged, refused=dict(self.refused))

    def refuse(self, message: OutboxMessage, reason: str) -> None:
        self.refused[message.id] = reason
        log.error("a message cannot be published", extra={"id": str(message.id), "fault": reason})


class KafkaPublisher:
    """A MessagePublisher. Connects at the first message, and anew after any fault of the broker; call ``close`` in the end."""

    def __init__(self, bootstrap: str, topic: str = TOPIC, deadline_seconds: float = 10.0, close_seconds: float = 2.0) -> None:
        self._topic = topic
        self._deadline_seconds = deadline_seconds
        self._producing = Producing(bootstrap, deadline_seconds, close_seconds)

    async def publish(self, messages: Sequence[OutboxMessage]) -> Published:
        batch = _Batch()
        try:
            async with asyncio.timeout(self._deadline_seconds):
                for message in await self._together(messages, batch):
                    await self._alone(message, batch)
        except (TimeoutError, KafkaError, OSError) as fault:
            await self._producing.discard()
            decided = batch.result()
            some = decided.acknowledged or decided.refused
            raise (PartlyPublished(decided) if some else BrokerUnavailable(type(fault).__name__)) from fault
        return batch.result()

    async def close(self) -> None:
        """Nothing waits to be sent: ``publish`` has seen every ack it answered for."""
        await self._producing.discard()

    async def _together(self, messages: Sequence[OutboxMessage], batch: _Batch) -> Sequence[OutboxMessage]:
        """Returns those that have to go one by one, since the broker has refused something they went with.

        It answers for a whole batch of records, and with a refused one the producer's numbers are out of order for those
        behind it: which message is to blame, only a record of its own can tell.
        """
        for message in messages:
            await self._send(message, batch)
        sends = batch.sends.values()
        if sends:
            await asyncio.wait(sends, return_when=asyncio.FIRST_EXCEPTION)
        faults = list(_faults(sends))
        if not faults:
            return ()
        if not any(isinstance(fault, FAULTS_OF_THE_MESSAGE) for fault in faults):
            raise faults[0]
        await asyncio.wait(sends, timeout=OTHERS_SECONDS)
        await self._producing.discard()
        return [message for message in messages if message.id in batch.sends and not _acknowledged(batch.sends[message.id])]

    async def _alone(self, message: OutboxMessage, batch: _Batch) -> None:
        await self._send(message, batch)
        try:
            await asyncio.shield(batch.sends[message.id])
        except FAULTS_OF_THE_MESSAGE as fault:
            batch.refuse(message, type(fault).__name__)
            await self._producing.discard()

    async def _send(self, message: OutboxMessage, batch: _Batch) -> None:
        """One after the other, so that each key's messages keep their order; the acks come as they may."""
        try:
            packed = pack(message)
        except (ValueError, RecursionError) as fault:
            batch.refuse(message, f"cannot be packed: {type(fault).__name__}")
            return
        producer = await self._producing.producer()
        try:
            send = await producer.send(self._topic, packed, key=key_of(message), headers=headers_of(message))
            send.add_done_callback(_look_at)
            batch.sends[message.id] = send
        except FAULTS_OF_THE_MESSAGE as fault:
            batch.refuse(message, type(fault).__name__)


def _look_at(send: "Future[Any]") -> None:
    """So that a fault that comes when nobody waits any more is not complained of."""
    if not send.cancelled():
        send.exception()


def _acknowledged(send: "Future[Any]") -> bool:
    return send.done() and not send.cancelled() and send.exception() is None


def _faults(sends: "Iterable[Future[Any]]") -> "Iterable[BaseException]":
    for send in sends:
        if send.done() and not send.cancelled() and (fault := send.exception()) is not None:
            yield fault
