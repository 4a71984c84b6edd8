from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.notification.scene import Provided, provided
from tests.contracts.clocks import FixedClock


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def provider(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Provided]:
    async with provided(tmp_path, clock) as provider:
        yield provider
