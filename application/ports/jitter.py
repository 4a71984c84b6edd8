from typing import Protocol


class Jitter(Protocol):
    def chance(self) -> float:
        """A number in [0, 1), different each time and in each process."""
        ...
