from typing import Protocol


class ServerProbe(Protocol):
    """Whether a server that this process needs answers."""

    @property
    def server(self) -> str:
        """Its name, the same in every process."""
        ...

    async def answers(self) -> bool:
        """Asks it, briefly. Never raises for a server that is away."""
        ...
