"""Waiting for all of several things, whatever becomes of one."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def all_of(*awaitables: Awaitable[T]) -> list[T]:
    """Their results, once all have ended: one that fails leaves no other running unwatched. Raises the first failure then."""
    ends = await asyncio.gather(*awaitables, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return [end for end in ends if not isinstance(end, BaseException)]
