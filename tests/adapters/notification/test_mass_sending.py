"""A sold-out evening is told about without growing; the long form is ``python -m benchmarks.mass_sending``."""

import gc
import tracemalloc
from pathlib import Path

import pytest

from benchmarks.mass_sending import Mass, mass, statuses
from domain.notification import NotificationStatus

WARM, MANY = 100, 300


@pytest.mark.slow
async def test_memory_does_not_grow_with_what_is_sent(tmp_path: Path) -> None:
    async with mass(f"sqlite:///{tmp_path / 'concert.db'}") as sending:
        await sending.put(WARM)
        await sending.drain()
        gc.collect()
        tracemalloc.start()
        try:
            await _send(sending, MANY)
            await sending.put(MANY)
            gc.collect()
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            await sending.drain()
            gc.collect()
            after, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert await statuses(sending.database) == {NotificationStatus.DELIVERED: WARM + 2 * MANY}
    assert 1 < sending.carrier.most_at_once <= sending.batch
    assert sending.carrier.sent == WARM + 2 * MANY
    assert after - before < 100_000, "bytes that stayed"
    assert peak - before < 2_000_000, "bytes in between: one batch, not all that waits"


async def _send(sending: Mass, many: int) -> None:
    await sending.put(many)
    await sending.drain()
    gc.collect()
