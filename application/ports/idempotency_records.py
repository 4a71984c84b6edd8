from datetime import datetime
from typing import Protocol


class IdempotencyRecords(Protocol):
    """Results under their idempotency keys; they are written and read by transactions, and forgotten here."""

    async def purge(self, before: datetime, limit: int) -> int:
        """Forgets at most ``limit`` records made before then; returns how many."""
        ...
