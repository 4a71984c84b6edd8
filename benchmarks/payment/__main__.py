"""`python -m benchmarks.payment`: on the MySQL of TEST_MYSQL_URL, in a database of its own."""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from statistics import median
from urllib.parse import unquote, urlsplit

import aiomysql
import uvloop
from rich.console import Console
from rich.table import Table

from adapters.sql.migrate import migrate
from benchmarks.payment.by_hand import ByHand, Hand, OneByOne, Terse
from benchmarks.payment.house import Booking, audit, fill
from benchmarks.payment.ours import opened_use_case
from benchmarks.payment.rounds import Pay, Round, play
from benchmarks.payment.statements import SESSION
from entrypoints.rehearsal.report import percentile
from tests.servers.databases import fresh_mysql_database

CALLERS = (1, 32, 128)
ROUNDS = 5
OURS, ONE_BY_ONE, TERSE = "pay use case", "by hand, one by one", "by hand, terse"
HANDS: Mapping[str, Hand] = {ONE_BY_ONE: OneByOne(), TERSE: Terse()}
SIZES = (1, 8, 16, 32, 64)
"""Numbers of connections that are tried for a hand, besides one for each caller."""
TRIAL_SECONDS = 0.5
REST_SECONDS = 0.2


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.payment", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.2, help="of each round (default: %(default)s)")
    parser.add_argument("--bookings", type=int, default=120_000, help="prepared beforehand, for all rounds (default: %(default)s)")
    options = parser.parse_args(arguments)
    server = os.environ.get("TEST_MYSQL_URL")
    if not server:
        print("TEST_MYSQL_URL is not set: make bench-payment provides a server", file=sys.stderr)
        return 2
    with fresh_mysql_database(server) as url:
        asyncio.run(migrate(url))
        fill(url, options.bookings)
        # The loop that production serves with, for both.
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            paid = runner.run(_measure(url, options))
        audit(url, paid)
    return 0


async def _measure(url: str, options: argparse.Namespace) -> int:
    """The number of payments made, warm-ups included."""
    bookings = _Counted(options.bookings)
    console = Console()
    async with opened_use_case(url) as ours:
        for callers in CALLERS:
            async with _hands(url, callers, bookings) as hands:
                played = await _interleaved({OURS: ours, **hands}, bookings, callers, options.seconds)
            _report(console, callers, played)
    return bookings.given


class _Counted(Iterator[Booking]):
    """Each booking is paid for once, by whoever comes."""

    def __init__(self, bookings: int) -> None:
        self._bookings = bookings
        self.given = 0

    def __next__(self) -> Booking:
        if self.given >= self._bookings:
            raise RuntimeError("all bookings are paid for: prepare more with --bookings, or play shorter with --seconds")
        self.given += 1
        return Booking(self.given - 1)


async def _interleaved(sides: Mapping[str, Pay], bookings: Iterator[Booking], callers: int, seconds: float) -> dict[str, list[Round]]:
    """A B C A B C …, so that whatever else the machine does meets all of them."""
    for pay in sides.values():
        await play(pay, bookings, callers=callers, seconds=TRIAL_SECONDS)
    played: dict[str, list[Round]] = {side: [] for side in sides}
    for _ in range(ROUNDS):
        for side, pay in sides.items():
            await asyncio.sleep(REST_SECONDS)
            played[side].append(await play(pay, bookings, callers=callers, seconds=seconds))
    return played


@asynccontextmanager
async def _hands(url: str, callers: int, bookings: Iterator[Booking]) -> AsyncIterator[dict[str, Pay]]:
    """Each hand with as many connections as serve it best: fewer than its callers, where MySQL does better so."""
    async with _pool(url, callers) as pool:
        sizes = sorted({size for size in SIZES if size < callers} | {callers})
        hands: dict[str, Pay] = {}
        for name, hand in HANDS.items():
            candidates = [ByHand(pool, hand, connections=size).pay for size in sizes]
            rates = [(await play(pay, bookings, callers=callers, seconds=TRIAL_SECONDS)).rate for pay in candidates]
            hands[name] = candidates[rates.index(max(rates))]
        yield hands


@asynccontextmanager
async def _pool(url: str, size: int) -> AsyncIterator[aiomysql.Pool]:
    parts = urlsplit(url)
    pool = await aiomysql.create_pool(
        minsize=size,
        maxsize=size,
        host=parts.hostname,
        port=parts.port,
        user=unquote(parts.username or "root"),
        password=unquote(parts.password or ""),
        db=parts.path.lstrip("/"),
        charset="utf8mb4",
        init_command=SESSION,
    )
    try:
        yield pool
    finally:
        pool.close()
        await pool.wait_closed()


def _report(console: Console, callers: int, played: Mapping[str, list[Round]]) -> None:
    table = Table(title=f"{callers} callers, median of {ROUNDS} rounds", title_justify="left")
    table.add_column("")
    for heading in ("payments/s", "p50 ms", "p99 ms", "ours against it"):
        table.add_column(heading, justify="right")
    rates = {side: median(round_.rate for round_ in rounds) for side, rounds in played.items()}
    for side, rounds in played.items():
        p50, p99 = (median(percentile(round_.latencies, percent) for round_ in rounds) * 1000 for percent in (50, 99))
        table.add_row(side, f"{rates[side]:.0f}", f"{p50:.1f}", f"{p99:.1f}", f"{rates[OURS] / rates[side]:.2f}")
    console.print(table)
    print(f"callers={callers} ratio={rates[OURS] / rates[ONE_BY_ONE]:.2f}")
    print(f"callers={callers} ratio_terse={rates[OURS] / rates[TERSE]:.2f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
