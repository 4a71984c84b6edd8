"""`python -m benchmarks.soak`: does memory stay as it is while 10,000 tickets are sold and 100,000 messages are delivered?

All messages wait in the outbox before the first is relayed, as after a long outage. Ends with status 1 if memory grows.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from adapters.telemetry.logs import set_up_logging
from benchmarks.soak.house import House, opened_house
from benchmarks.soak.memory import Bound, Growth, Sample, gauge, growth

MIB = 1 << 20
SAMPLES = 20
WAVE = 100
"""Payments at once."""


class NotAll(Exception):
    """Something was lost on the way, so that the figures say nothing."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--payments", type=int, default=10_000)
    parser.add_argument("--messages", type=int, default=100_000, help="those of the payments included (default: %(default)s)")
    parser.add_argument("--rss-mib", type=float, default=8.0, help="of growth allowed after each warm-up (default: %(default)s)")
    parser.add_argument("--blocks-each", type=float, default=0.5, help="that may stay for each payment or message (default: %(default)s)")
    options = parser.parse_args(arguments)
    bound = Bound(rss=int(options.rss_mib * MIB), blocks_each=options.blocks_each)
    with tempfile.TemporaryDirectory() as directory, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_soak(Path(directory), options.payments, options.messages, bound))


async def _soak(directory: Path, payments: int, messages: int, bound: Bound) -> int:
    console = Console(width=100)
    set_up_logging("ERROR")
    async with opened_house(directory, payments) as house:
        with gauge() as sample:
            grown = [await _sampled(console, "payments", _payments(house, payments, sample), bound)]
        await house.tell(messages - payments)
        with gauge() as sample:
            grown.append(await _sampled(console, "messages", _messages(house, messages, sample), bound))
        outcome = await house.outcome()
    print(f"tickets={outcome.tickets} notified={outcome.sent} dead_letters={outcome.dead}")
    if outcome != (payments, messages, 0):
        raise NotAll(outcome)
    return int(any(each.exceeds(bound) for each in grown))


async def _payments(house: House, count: int, sample: Callable[[int], Sample]) -> AsyncIterator[Sample]:
    every = max(WAVE, count // SAMPLES)
    for done in range(0, count, WAVE):
        if done % every < WAVE:
            yield sample(done)
        await house.sell(min(WAVE, count - done))
    yield sample(count)


async def _messages(house: House, count: int, sample: Callable[[int], Sample]) -> AsyncIterator[Sample]:
    every = count // SAMPLES
    reached = 0
    while house.provider.taken < count:
        if house.provider.taken >= reached:
            yield sample(house.provider.taken)
            reached += every
        if not await house.work():
            raise NotAll(await house.outcome())
    yield sample(house.provider.taken)


async def _sampled(console: Console, what: str, samples: AsyncIterator[Sample], bound: Bound) -> Growth:
    table = Table("done", "seconds", "RSS MiB", "blocks", title=what, title_justify="left")
    began, taken = time.perf_counter(), []
    async for each in samples:
        taken.append(each)
        table.add_row(f"{each.done}", f"{time.perf_counter() - began:.1f}", f"{each.rss / MIB:.1f}", f"{each.blocks}")
    console.print(table)
    grown = growth(taken)
    verdict = "GROWS" if grown.exceeds(bound) else "flat"
    print(
        f"{what}: {verdict} after the warm-up: RSS {grown.rss / MIB:+.2f} MiB ({grown.rss_each:+.1f} bytes each, "
        f"bound {bound.rss / MIB:.0f} MiB), {grown.blocks_each:+.3f} blocks each (bound {bound.blocks_each})",
        flush=True,
    )
    return grown


if __name__ == "__main__":
    sys.exit(main())
