from collections.abc import Awaitable, Callable

from adapters.system.wake import Wake
from domain.ids import BuyerId


class SystemHints:
    """Passes hints on within this process. A role of another process looks for itself, at most a second later."""

    def __init__(self, check_pass: Callable[[BuyerId], Awaitable[None]], relay: Wake, gateway: Wake) -> None:
        self._check_pass = check_pass
        self._relay = relay
        self._gateway = gateway

    async def check_pass(self, buyer_id: BuyerId) -> None:
        await self._check_pass(buyer_id)

    async def wake_relay(self) -> None:
        self._relay.set()

    async def wake_gateway(self) -> None:
        self._gateway.set()
