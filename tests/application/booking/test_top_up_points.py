"""What may be topped up is known before there is anyone to take the money."""

import pytest

from application.booking.top_up_points import PrepareTopUp, TopUpPoints
from domain.errors import InvalidAmount, ServiceUnavailable


@pytest.mark.parametrize("amount", [-1, 0, 999, 1_000_001])
@pytest.mark.parametrize("use_case", [PrepareTopUp(), TopUpPoints()])
async def test_too_little_and_too_much_are_refused(use_case: PrepareTopUp | TopUpPoints, amount: int) -> None:
    with pytest.raises(InvalidAmount) as refused:
        await use_case(amount)
    assert (refused.value.minimum, refused.value.maximum) == (1_000, 1_000_000)


@pytest.mark.parametrize("amount", [1_000, 1_000_000])
@pytest.mark.parametrize("use_case", [PrepareTopUp(), TopUpPoints()])
async def test_the_rest_waits_for_the_gateway(use_case: PrepareTopUp | TopUpPoints, amount: int) -> None:
    with pytest.raises(ServiceUnavailable):
        await use_case(amount)
