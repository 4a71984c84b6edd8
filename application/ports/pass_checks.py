from typing import Protocol

from domain.ids import BuyerId


class PassChecks(Protocol):
    async def put(self, buyer_id: BuyerId) -> None:
        """This pass may be over: the next admission tick looks at it. Waits for nothing, never raises; may be lost."""
        ...
