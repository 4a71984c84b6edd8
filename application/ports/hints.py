from typing import Protocol

from domain.ids import BuyerId


class Hints(Protocol):
    """What is said after a commit to save somebody a wait. A lost hint costs a moment, never a fact."""

    async def check_pass(self, buyer_id: BuyerId) -> None:
        """This buyer's pass may have ended: look at it at the next admission tick."""
        ...

    async def wake_relay(self) -> None:
        """There are new messages in the outbox."""
        ...

    async def wake_gateway(self) -> None:
        """There is an errand to the card gateway."""
        ...
