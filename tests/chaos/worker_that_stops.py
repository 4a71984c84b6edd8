"""A worker that stands still just before its request to the gateway leaves, until it is told to go on."""

import asyncio

from tests.chaos.crash_points import CrashPoints, stand_still
from tests.chaos.house import Ground, opened_house


def run_errands_once(ground: Ground, stop_at: str) -> None:
    """One pass of the reconciler; stops at the first crash point of that name."""

    async def run() -> None:
        points = CrashPoints(stop_at, stand_still, counting=True)
        async with opened_house(ground, points) as house:
            await house.roles["reconciler"]()

    asyncio.run(run())
