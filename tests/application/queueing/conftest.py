from collections.abc import AsyncIterator

import pytest

from tests.application.queueing.house import House, embedded_house


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with embedded_house() as house:
        yield house
