"""Putting aside what a consumer cannot handle."""

from collections.abc import Sequence

from application.ports.clock import Clock
from application.ports.dead_letter_queue import DeadLetter, DeadLetterQueue, LetterOrigin
from application.ports.dead_letter_topic import DeadLetterTopic, Poison
from application.ports.id_generator import IdGenerator
from application.ports.metrics import Metrics
from domain.ids import DeadLetterId

EXCERPT = 500
"""Bytes of an unreadable message that its letter shows; the whole of it lies on the dead-letter topic."""


class BuryPoison:
    def __init__(self, queue: DeadLetterQueue, topic: DeadLetterTopic, clock: Clock, ids: IdGenerator, metrics: Metrics) -> None:
        self._queue = queue
        self._topic = topic
        self._clock = clock
        self._ids = ids
        self._metrics = metrics

    async def __call__(self, poison: Sequence[Poison]) -> None:
        """Each has its dead letter, once, and lies on the dead-letter topic, once or more.

        Raises NotCommitted, OutcomeUnknown, BrokerUnavailable: to be called again with the same.
        """
        await self._queue.bury([self._letter(each) for each in poison])
        await self._topic.bury(poison)
        self._metrics.count("concert_dead_letters_total", len(poison), origin=LetterOrigin.CONSUMER)

    def _letter(self, poison: Poison) -> DeadLetter:
        delivery = poison.delivery
        topic, partition, offset = delivery.position
        excerpt = None if delivery.message else (delivery.value or b"")[:EXCERPT].decode(errors="backslashreplace")
        return DeadLetter(
            id=DeadLetterId(self._ids.new_id()),
            origin=LetterOrigin.CONSUMER,
            reason=poison.reason,
            tries=poison.tries,
            died_at=self._clock.now(),
            message=delivery.message,
            position=f"{topic}/{partition}@{offset}",
            excerpt=excerpt,
        )
