"""A sold-out evening is told about without growing; the long form is ``python -m benchmarks.mass_sending``."""

import tracemalloc
from pathlib import Path

import pytest

from benchmarks.mass_sending import Mass, mass, statuses
from domain.notification import NotificationStatus
from tests.memory import LOOKS, least_growth

WARM, MANY = 100, 120


@pytest.mark.slow
async def test_memory_does_not_grow_with_what_is_sent(tmp_path: Path) -> None:
    async with mass(f"sqlite:///{tmp_path / 'concert.db'}") as sending:
        await _send(sending, WARM)
        assert await least_growth(lambda: _send(sending, MANY)) < 60_000, "bytes that stayed"
        assert await statuses(sending.database) == {NotificationStatus.DELIVERED: WARM + LOOKS * MANY}
    assert 1 < sending.carrier.most_at_once <= sending.batch
    assert sending.carrier.sent == WARM + LOOKS * MANY


async def test_what_waits_is_not_held_in_memory(tmp_path: Path) -> None:
    """5,000 rows are some 7 MB. One batch of them is held, however many wait."""
    async with mass(f"sqlite:///{tmp_path / 'concert.db'}") as sending:
        await _send(sending, WARM)
        await sending.put(5_000)
        tracemalloc.start()
        try:
            sent = await sending.send_a_batch()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert sent == sending.batch
    assert peak < 2_000_000


async def _send(sending: Mass, many: int) -> None:
    await sending.put(many)
    await sending.drain()
