"""What Redis' errors mean to the core."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as NoReply

from domain.errors import ConcertError, QueueUnavailable

_AWAY = ("LOADING", "MASTERDOWN", "MISCONF", "BUSY", "NOREPLICAS", "CLUSTERDOWN", "TRYAGAIN", "UNKILLABLE")
"""Replies of a server that is there, but cannot serve at this moment."""


class RedisSettingsError(ConcertError):
    """The queue's store is set up so that it would forget people, or its address is none that is supported."""


@asynccontextmanager
async def answered_within(seconds: float) -> AsyncIterator[None]:
    """Raises QueueUnavailable where Redis is away, hangs, or cannot serve now. A script's own mistakes stay what they are."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (ConnectionLost, NoReply, TimeoutError, ReadOnlyError, OutOfMemoryError) as fault:
        raise QueueUnavailable(type(fault).__name__) from fault
    except ResponseError as fault:
        if not str(fault).startswith(_AWAY):
            raise
        raise QueueUnavailable(str(fault)) from fault
