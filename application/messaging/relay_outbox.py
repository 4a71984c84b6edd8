"""Relaying the outbox to the broker."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from application.ports.id_generator import IdGenerator
from application.ports.jitter import Jitter
from application.ports.message_publisher import MessagePublisher, PartlyPublished, Published
from application.ports.metrics import Metrics
from application.ports.outbox import DueMessage, GivenUp, Outbox, Refusal, RetryLater
from domain.errors import BrokerUnavailable, Step, TransientError
from domain.ids import DeadLetterId
from domain.retry_policy import RETRY_POLICIES, RetryPolicy

log = logging.getLogger(__name__)

BATCH = 200
LEASE_SECONDS = 30
"""Longer than the publisher's deadline."""
RELEASING_SECONDS = 2.0
"""How long a relay that is told to stop still tries to hand its claims back; a lease ends by itself."""
TRIES = RETRY_POLICIES[Step.OUTBOX].attempts
WAITS = RetryPolicy(attempts=TRIES, base=2.0, cap=300.0)
"""Before a refused message is tried again, seconds. Its key waits as long: at most half a minute in all."""


class RelayOutbox:
    """``owner`` names this relay among all that run; two of one name would take each other's claims for their own."""

    def __init__(
        self,
        outbox: Outbox,
        publisher: MessagePublisher,
        ids: IdGenerator,
        jitter: Jitter,
        metrics: Metrics,
        owner: str,
        batch: int = BATCH,
        lease_seconds: int = LEASE_SECONDS,
    ) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._ids = ids
        self._jitter = jitter
        self._metrics = metrics
        self._owner = owner
        self._batch = batch
        self._lease_seconds = lease_seconds
        self._is_stuck = False
        """Whether the last pass has left something: an outage is told when it begins, and counted all along."""

    async def __call__(self) -> int:
        """Publishes what waits, at most one batch, and marks it after the broker's ack; returns how many were decided on.

        A message that the broker refuses for what it is spends one of its five tries, and dies with the last. Raises
        BrokerUnavailable when the broker as a whole does not answer: the claims are back then, no message is blamed,
        and the caller waits before the next pass. Raises NotCommitted, OutcomeUnknown: what was published and not
        marked is published again when its lease has run out, which readers know by its id.
        """
        claimed = await self._outbox.claim(self._owner, self._batch, self._lease_seconds)
        if not claimed:
            return 0
        try:
            published = await self._publisher.publish([due.message for due in claimed])
        except PartlyPublished as fault:
            await self._settle(claimed, fault.published, "the broker stopped answering")
            raise
        except BrokerUnavailable:
            await self._settle(claimed, Published(), "the broker is away")
            raise
        except asyncio.CancelledError:
            with suppress(TransientError, TimeoutError):
                async with asyncio.timeout(RELEASING_SECONDS):
                    await self._settle(claimed, Published(), "the relay was stopped")
            raise
        await self._settle(claimed, published, "the broker did not decide")
        return len(published.acknowledged) + len(published.refused)

    async def _settle(self, claimed: Sequence[DueMessage], published: Published, fault: str) -> None:
        """``fault``: why those are given back of which the broker has said nothing."""
        if published.acknowledged:
            await self._outbox.mark_published(self._owner, published.acknowledged)
            self._metrics.count("concert_messages_published_total", len(published.acknowledged))
        if refusals := [self._refusal(due, published.refused[due.message.id]) for due in claimed if due.message.id in published.refused]:
            await self._outbox.refuse(self._owner, refusals)
            self._tell(refusals)
        decided = {*published.acknowledged, *published.refused}
        left = [due.message.id for due in claimed if due.message.id not in decided]
        if left and not self._is_stuck:
            log.warning("messages were not published", extra={"fault": fault, "messages": len(left)})
        self._is_stuck = bool(left)
        if left:
            self._metrics.count("concert_messages_not_published_total", len(left), fault=fault)
            await self._outbox.release(self._owner, left, fault)

    def _refusal(self, due: DueMessage, fault: str) -> Refusal:
        tries = due.attempts + 1
        if tries >= TRIES:
            return GivenUp(id=due.message.id, fault=fault, letter_id=DeadLetterId(self._ids.new_id()))
        return RetryLater(id=due.message.id, fault=fault, seconds=WAITS.wait(tries, self._jitter.chance()))

    def _tell(self, refusals: Sequence[Refusal]) -> None:
        self._metrics.count("concert_messages_not_published_total", len(refusals), fault="the broker refused the message")
        for refusal in refusals:
            extra = {"id": str(refusal.id), "fault": refusal.fault}
            if isinstance(refusal, GivenUp):
                log.error("a message is given up: a dead letter", extra={**extra, "letter": str(refusal.letter_id)})
                self._metrics.count("concert_dead_letters_total", origin="OUTBOX")
            else:
                log.warning("a message was refused and is tried again later", extra=extra)
