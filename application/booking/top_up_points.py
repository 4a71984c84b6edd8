"""Topping up points. The gateway that takes the money is not connected yet; what may be asked for stands already."""

from domain.errors import InvalidAmount, ServiceUnavailable
from domain.money import Won

SMALLEST_TOP_UP = Won(1_000)
LARGEST_TOP_UP = Won(1_000_000)
NO_GATEWAY = 60
"""Seconds after which a client may ask again for what takes the gateway."""


def ensure_top_up_amount(amount: int) -> Won:
    """1,000 to 1,000,000 won a time, or InvalidAmount."""
    if not SMALLEST_TOP_UP <= amount <= LARGEST_TOP_UP:
        raise InvalidAmount(SMALLEST_TOP_UP, LARGEST_TOP_UP)
    return Won(amount)


class PrepareTopUp:
    async def __call__(self, amount: int) -> None:
        """Raises InvalidAmount, else ServiceUnavailable."""
        ensure_top_up_amount(amount)
        raise ServiceUnavailable(retry_after_seconds=NO_GATEWAY)


class TopUpPoints:
    async def __call__(self, amount: int) -> None:
        """Raises InvalidAmount, else ServiceUnavailable."""
        ensure_top_up_amount(amount)
        raise ServiceUnavailable(retry_after_seconds=NO_GATEWAY)
