"""Putting poison messages aside on a topic of their own."""

import asyncio
import logging
from collections.abc import Sequence

from aiokafka.errors import KafkaError

from adapters.kafka.producing import FAULTS_OF_THE_MESSAGE, Producing
from adapters.kafka.topics import dead_letter_topic_of
from application.ports.dead_letter_topic import Poison
from domain.errors import BrokerUnavailable

log = logging.getLogger(__name__)


class KafkaDeadLetterTopic:
    """A DeadLetterTopic. Connects at the first poison, which is seldom; call ``close`` in the end."""

    def __init__(self, bootstrap: str, deadline_seconds: float = 10.0, close_seconds: float = 2.0) -> None:
        self._deadline_seconds = deadline_seconds
        self._producing = Producing(bootstrap, deadline_seconds, close_seconds)

    async def bury(self, poison: Sequence[Poison]) -> None:
        """One by one: poison is seldom, and one that is refused takes no other down."""
        try:
            async with asyncio.timeout(self._deadline_seconds):
                for each in poison:
                    await self._bury(each)
        except (TimeoutError, KafkaError, OSError) as fault:
            await self._producing.discard()
            raise BrokerUnavailable(type(fault).__name__) from fault

    async def close(self) -> None:
        await self._producing.discard()

    async def _bury(self, poison: Poison) -> None:
        delivery = poison.delivery
        headers = [*delivery.headers, *((name, value.encode()) for name, value in poison.headers.items())]
        producer = await self._producing.producer()
        try:
            await producer.send_and_wait(dead_letter_topic_of(delivery.position[0]), delivery.value, key=delivery.key, headers=headers)
        except FAULTS_OF_THE_MESSAGE as fault:
            log.error("the dead-letter topic refused a message", extra={"position": delivery.position, "fault": type(fault).__name__})
            await self._producing.discard()
