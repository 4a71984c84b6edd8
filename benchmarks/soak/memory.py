"""How much memory is held, and whether it grows with what was done."""

import functools
import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

WARM_UP = 0.3
"""The share of a run whose samples are not looked at: pools and page caches fill up."""
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """``rss`` in bytes, as the system counts; ``blocks`` of memory that Python's objects hold, which has no noise."""

    done: int
    rss: int
    blocks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What memory may grow by after the warm-up: bytes in all, and blocks for each thing done."""

    rss: int
    blocks_each: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """After the warm-up. Slopes are those of the line through all samples, so that one sample decides nothing."""

    done: int
    rss_each: float
    blocks_each: float

    @property
    def rss(self) -> float:
        return self.rss_each * self.done

    def exceeds(self, bound: Bound) -> bool:
        return self.rss > bound.rss or self.blocks_each > bound.blocks_each


@contextmanager
def gauge() -> Iterator[Callable[[int], Sample]]:
    """A function that takes a sample, to be called while nothing is under way.

    Bounded caches are emptied before each, so that what is left is what nothing bounds. What is there now is not looked at
    by the garbage collector until the end, or each sample would cost most of a second; for good where some of it was not before.
    """
    for_good = gc.get_freeze_count() > 0
    gc.unfreeze()  # only what is not frozen can be listed
    gc.collect()
    caches = [thing for thing in gc.get_objects() if isinstance(thing, functools._lru_cache_wrapper)]
    bounded = [cache for cache in caches if cache.cache_parameters()["maxsize"] is not None]
    gc.freeze()

    def sample(done: int) -> Sample:
        for cache in bounded:
            cache.cache_clear()
        gc.collect()
        return Sample(done=done, rss=resident(), blocks=sys.getallocatedblocks())

    try:
        yield sample
    finally:
        if not for_good:
            gc.unfreeze()


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def growth(samples: Sequence[Sample], warm_up: float = WARM_UP) -> Growth:
    """Raises ValueError for fewer than three samples after the warm-up."""
    first, last = samples[0].done, samples[-1].done
    counted = [each for each in samples if each.done >= first + warm_up * (last - first)]
    if len(counted) < 3:
        raise ValueError("too few samples to say whether memory grows")
    done = [each.done for each in counted]
    return Growth(
        done=done[-1] - done[0],
        rss_each=_slope(done, [each.rss for each in counted]),
        blocks_each=_slope(done, [each.blocks for each in counted]),
    )


def _slope(xs: Sequence[int], ys: Sequence[int]) -> float:
    """Of the least squares' line."""
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    above: float = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True))
    below: float = sum((x - middle_x) ** 2 for x in xs)
    return above / below
