from typing import Protocol


class Sleeper(Protocol):
    async def sleep(self, seconds: float) -> None: ...

    def elapsed(self) -> float:
        """Seconds on a clock that never goes back; only differences mean something."""
        ...
