"""What came of the rehearsal, as tables for the person who ran it."""

import math
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from entrypoints.rehearsal.evidence import SOLD, Evidence, FanRecord
from entrypoints.rehearsal.invariants import Verdict

STEPS = ("join", "admission", "hold", "pay")
TITLES = {"join": "join", "admission": "admission wait", "hold": "hold", "pay": "pay"}
PERCENTILES = (50, 95, 99)
SHOWN_VIOLATIONS = 5


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least so many percent of the values do not exceed (nearest rank). Raises ValueError for none."""
    if not values:
        raise ValueError("no values, no percentile")
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def print_course(console: Console, fans: Sequence[FanRecord], *, seconds: float, repeated: int) -> None:
    console.print(_outcomes(fans))
    console.print(_latencies(fans))
    console.print(f"{len(fans)} fans in {seconds:.1f} s; {repeated} requests repeated")


def print_verdicts(console: Console, evidence: Evidence, verdicts: Sequence[Verdict]) -> None:
    console.print(_invariants(verdicts))
    for verdict in verdicts:
        for violation in verdict.violations[:SHOWN_VIOLATIONS]:
            console.print(f"  {verdict.invariant}: {violation}", style="red", markup=False, highlight=False)
        if len(verdict.violations) > SHOWN_VIOLATIONS:
            console.print(f"  {verdict.invariant}: and {len(verdict.violations) - SHOWN_VIOLATIONS} more", style="red")
    console.print(f"{len(evidence.tickets)} of {len(evidence.seat_map)} seats sold")


def _outcomes(fans: Sequence[FanRecord]) -> Table:
    table = Table(title="How the fans fared", title_justify="left")
    table.add_column("outcome")
    table.add_column("fans", justify="right")
    counts = Counter(fan.outcome for fan in fans)
    table.add_row(SOLD, str(counts.pop(SOLD, 0)))
    for outcome, count in counts.most_common():
        table.add_row(outcome, str(count))
    return table


def _latencies(fans: Sequence[FanRecord]) -> Table:
    table = Table(title="How long it took them (milliseconds)", title_justify="left")
    for heading in ("step", "fans", *(f"p{percent}" for percent in PERCENTILES)):
        table.add_column(heading, justify="left" if heading == "step" else "right")
    for step in STEPS:
        taken = [fan.seconds[step] * 1000 for fan in fans if step in fan.seconds]
        figures = [f"{percentile(taken, percent):.0f}" for percent in PERCENTILES] if taken else ["–"] * len(PERCENTILES)
        table.add_row(TITLES[step], str(len(taken)), *figures)
    return table


def _invariants(verdicts: Sequence[Verdict]) -> Table:
    table = Table(title="What must hold", title_justify="left")
    table.add_column("invariant")
    table.add_column("")
    for verdict in verdicts:
        table.add_row(
            verdict.invariant, "holds" if verdict.holds else f"BROKEN ({len(verdict.violations)})", style=None if verdict.holds else "red"
        )
    return table
