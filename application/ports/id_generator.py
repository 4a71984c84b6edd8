from typing import Protocol
from uuid import UUID


class IdGenerator(Protocol):
    def new_id(self) -> UUID:
        """A UUIDv7: sorted by time, and rising within this process; made without asking anyone."""
        ...
