"""What a sample of memory leaves out, and how it leaves the collector."""

import functools
import gc
from collections.abc import Iterator

import pytest

from benchmarks.soak.memory import gauge


@pytest.fixture(params=[False, True], ids=["nothing frozen", "frozen before"])
def frozen(request: pytest.FixtureRequest) -> Iterator[bool]:
    """As `tests.kept` leaves it, and as it is in a process of its own."""
    before = gc.get_freeze_count()
    if request.param:
        gc.freeze()
    else:
        gc.unfreeze()
    yield request.param
    if before:
        gc.freeze()
    else:
        gc.unfreeze()


@functools.lru_cache(maxsize=1000)
def bounded(number: int) -> list[int]:
    return [number] * 3


@functools.cache
def unbounded(number: int) -> list[int]:
    return [number] * 3


def test_bounded_caches_are_emptied_and_others_are_not(frozen: bool) -> None:
    with gauge() as sample:
        for number in range(500):
            bounded(number)
            unbounded(number)
        sample(0)
        assert bounded.cache_info().currsize == 0
        assert unbounded.cache_info().currsize == 500
    unbounded.cache_clear()


def test_what_was_frozen_stays_so_and_nothing_else(frozen: bool) -> None:
    with gauge() as sample:
        sample(0)
        assert gc.get_freeze_count() > 0
    assert (gc.get_freeze_count() > 0) is frozen
