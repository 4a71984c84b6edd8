"""A producer that is thrown away after any fault, and made anew for the next message."""

import asyncio
import contextlib

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

FAULTS_OF_THE_MESSAGE = (MessageSizeTooLargeError, RecordListTooLargeError)
"""Everything else says something about the broker, or about our producer."""


class Producing:
    """An idempotent producer never gives up by itself, nor recovers from every fault.

    A sequence out of order, a fence, a send that timed out, a batch that was refused (its numbers are missing from then
    on) stay with it for good.
    """

    def __init__(self, bootstrap: str, deadline_seconds: float, close_seconds: float) -> None:
        self._bootstrap = bootstrap
        self._deadline_seconds = deadline_seconds
        self._close_seconds = close_seconds
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def producer(self) -> AIOKafkaProducer:
        """Connects at first use. Raises KafkaError, OSError."""
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

    async def discard(self) -> None:
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
