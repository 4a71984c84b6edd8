"""What stays in memory. Whatever else runs in the process, a thread of the features' proxy among it, allocates now and then."""

import gc
import tracemalloc
from collections.abc import Awaitable, Callable

LOOKS = 3


async def least_growth(work: Callable[[], Awaitable[object]]) -> int:
    """Bytes that the work leaves behind each time: what others allocate meanwhile is not there in the least of three looks."""
    tracemalloc.start()
    try:
        return min([await _growth(work) for _ in range(LOOKS)])
    finally:
        tracemalloc.stop()


async def _growth(work: Callable[[], Awaitable[object]]) -> int:
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    await work()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    return after - before
