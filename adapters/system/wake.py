import asyncio
from contextlib import suppress


class Wake:
    """Says to a role of this process that there is work, so that it need not wait for its next look."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Until somebody says so, at most so long; what was said meanwhile counts."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), seconds)
        self._event.clear()
