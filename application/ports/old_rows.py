from datetime import datetime
from typing import Protocol


class OldRows(Protocol):
    """Rows of one kind that nobody asks for any more, once they are old enough."""

    async def purge(self, before: datetime, limit: int) -> int:
        """Forgets at most ``limit`` of those from before then; returns how many."""
        ...
