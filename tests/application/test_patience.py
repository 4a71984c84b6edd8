"""A caller waits for an end that comes from elsewhere, and not longer than they were promised."""

import asyncio

import pytest

from application.patience import FIRST_LOOK, Patience
from domain.errors import NotCommitted
from tests.application.test_retrying import FakeTime


def is_end(seen: str) -> bool:
    return seen == "end"


async def test_looks_at_growing_intervals_until_the_end() -> None:
    time, left = FakeTime(), ["under way"] * 6

    async def look() -> str:
        return left.pop() if left else "end"

    assert await Patience(time).until(is_end, look) == "end"
    assert time.slept == [0.05, 0.1, 0.2, 0.4, 0.5, 0.5]


async def test_gives_back_what_was_seen_when_the_patience_has_run_out() -> None:
    time = FakeTime()

    async def look() -> str:
        return "under way"

    assert await Patience(time, seconds=2.0).until(is_end, look) == "under way"
    assert time.elapsed() <= 2.0 < time.elapsed() + 0.5


async def test_a_failing_look_takes_nothing_back() -> None:
    time, looks = FakeTime(), 0

    async def look() -> str:
        nonlocal looks
        looks += 1
        if looks > 1:
            raise NotCommitted("away")
        return "under way"

    assert await Patience(time, seconds=1.0).until(is_end, look) == "under way"
    assert looks > 2


@pytest.mark.parametrize("seen_before", [None, "under way"])
async def test_a_look_that_hangs_is_given_up(seen_before: str | None) -> None:
    time, looks = FakeTime(), 0

    async def look() -> str | None:
        nonlocal looks
        looks += 1
        if looks > 1 or seen_before is None:
            await asyncio.Event().wait()
        return seen_before

    async with asyncio.timeout(30):
        assert await Patience(time, seconds=FIRST_LOOK * 1.5).until(is_end, look) == seen_before
