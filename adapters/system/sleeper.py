import asyncio
import time


class AsyncioSleeper:
    """Waits on the running loop."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def elapsed(self) -> float:
        return time.monotonic()
