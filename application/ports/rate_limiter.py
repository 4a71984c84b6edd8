"""Not asking a provider more often than it bears."""

from typing import Protocol


class RateLimiter(Protocol):
    """One rate a provider, shared by all processes. What keeps its state may be away: each process then keeps to it alone."""

    async def take_turn(self, provider: str) -> None:
        """Returns when it is this call's turn, within the provider's patience. Raises RateLimited: nothing may be sent."""
        ...

    async def pause(self, provider: str, seconds: float) -> None:
        """The provider asked for it: nobody's turn comes sooner."""
        ...
