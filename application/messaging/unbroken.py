"""A mistake in a channel is an answer not known, of that one message; it ends nothing else."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

from application.ports.notification_channel import NotSent, Rejected
from domain.errors import ChannelUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")


async def unbroken(question: Awaitable[T]) -> T:
    """What is asked of a provider, or what the port allows it to raise. Raises ChannelUnavailable for whatever else it does."""
    [answer] = await asyncio.gather(question, return_exceptions=True)
    if not isinstance(answer, BaseException):
        return answer
    if isinstance(answer, NotSent | Rejected | ChannelUnavailable) or not isinstance(answer, Exception):
        raise answer
    log.error("a notification channel broke", exc_info=answer)
    raise ChannelUnavailable(type(answer).__name__) from answer
