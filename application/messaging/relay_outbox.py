"""Relaying the outbox to the broker."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from application.ports.message_publisher import MessagePublisher, PartlyPublished
from application.ports.metrics import Metrics
from application.ports.outbox import Outbox
from domain.errors import BrokerUnavailable, TransientError
from domain.ids import MessageId
from domain.message import OutboxMessage

log = logging.getLogger(__name__)

BATCH = 200
LEASE_SECONDS = 30
"""Longer than the publisher's deadline."""
RELEASING_SECONDS = 2.0
"""How long a relay that is told to stop still tries to hand its claims back; a lease ends by itself."""


class RelayOutbox:
    """``owner`` names this relay among all that run; two of one name would take each other's claims for their own."""

    def __init__(
        self,
        outbox: Outbox,
        publisher: MessagePublisher,
        metrics: Metrics,
        owner: str,
        batch: int = BATCH,
        lease_seconds: int = LEASE_SECONDS,
    ) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._metrics = metrics
        self._owner = owner
        self._batch = batch
        self._lease_seconds = lease_seconds

    async def __call__(self) -> int:
        """Publishes what waits, at most one batch, and marks it after the broker's ack; returns how many were marked.

        Raises BrokerUnavailable when the broker as a whole does not answer: the claims are back then, no message is
        blamed, and the caller waits before the next pass. Raises NotCommitted, OutcomeUnknown: what was
        published and not marked is published again when its lease has run out, which readers know by its id.
        """
        messages = await self._outbox.claim(self._owner, self._batch, self._lease_seconds)
        if not messages:
            return 0
        try:
            acknowledged = await self._publisher.publish(messages)
        except PartlyPublished as fault:
            await self._settle(messages, fault.acknowledged, "the broker stopped answering")
            raise
        except BrokerUnavailable:
            await self._settle(messages, (), "the broker is away")
            raise
        except asyncio.CancelledError:
            with suppress(TransientError, TimeoutError):
                async with asyncio.timeout(RELEASING_SECONDS):
                    await self._settle(messages, (), "the relay was stopped")
            raise
        await self._settle(messages, acknowledged, "the broker refused the message")
        return len(acknowledged)

    async def _settle(self, claimed: Sequence[OutboxMessage], acknowledged: Sequence[MessageId], fault: str) -> None:
        if acknowledged:
            await self._outbox.mark_published(self._owner, acknowledged)
            self._metrics.count("concert_messages_published_total", len(acknowledged))
        taken = set(acknowledged)
        if left := [message.id for message in claimed if message.id not in taken]:
            log.warning("messages were not published", extra={"fault": fault, "messages": len(left)})
            self._metrics.count("concert_messages_not_published_total", len(left), fault=fault)
            await self._outbox.release(self._owner, left, fault)
