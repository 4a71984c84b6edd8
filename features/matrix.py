"""`make matrix`: every row of the report that has to be proved, the scenarios that do so, and how they went in each world.

Runs the tagged scenarios and prints the table; writes it to ``docs/failure-matrix.md`` when all is well, ends with 1 when a
row has no scenario, or one that did not pass in a world where it can.
"""

import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from pytest_bdd.feature import get_features
from pytest_bdd.scenario import get_python_name_generator

FEATURES = Path(__file__).parent
TABLE = FEATURES.parent / "docs" / "failure-matrix.md"
ROWS = (
    *(f"R2.1.{row}" for row in range(1, 8)),
    *(f"R2.2.{row}" for row in range(1, 6)),
    *(f"R2.3.{row}" for row in range(1, 6)),
    *(f"R2.4.{row}" for row in range(1, 5)),
    *(f"R2.5.{row}" for row in range(1, 7)),
    *(f"R2.6.{row}" for row in range(1, 5)),
    *(f"R3.2.{row}" for row in range(2, 5)),
    "R4.2.1",
    *(f"R4.3.{row}" for row in range(1, 5)),
    *(f"R6.{row}" for row in range(1, 4)),
)
HEAD = (
    "# The report's failures, and the scenarios that prove each row",
    "",
    "Written by `make matrix`, when all of them had passed. –: breaks a real server, which the embedded default has none of.",
    "",
)
ONLY_REAL = "실서버만"
WORLDS = ("embedded", "real")


def scenarios_by_row() -> dict[str, list[tuple[str, bool]]]:
    """Row → the names of its scenarios, and whether each needs real servers."""
    found: dict[str, list[tuple[str, bool]]] = {row: [] for row in ROWS}
    for path in sorted(FEATURES.glob("*/*.feature")):
        (feature,) = get_features([str(path)])
        for scenario in feature.scenarios.values():
            tags = scenario.tags | feature.tags
            for row in sorted(tags & found.keys()):
                found[row].append((scenario.name, ONLY_REAL in tags))
    return found


def results(report: Path) -> dict[tuple[str, str], list[bool]]:
    """(test function, world) → whether each of its runs passed."""
    ran: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for case in ElementTree.parse(report).iter("testcase"):
        function, _, parameters = case.attrib["name"].partition("[")
        world = parameters.removesuffix("]").partition("-")[0]
        ran[function, world].append(not any(child.tag in ("failure", "error", "skipped") for child in case))
    return ran


def table(rows: Mapping[str, Sequence[tuple[str, bool]]], ran: Mapping[tuple[str, str], Sequence[bool]]) -> tuple[list[str], list[str]]:
    """The lines of the table, and what is wrong with it."""
    lines = ["| row | scenario | embedded | real |", "|---|---|---|---|"]
    wrong = [f"{row}: no scenario" for row, scenarios in rows.items() if not scenarios]
    for row, scenarios in rows.items():
        for name, only_real in scenarios:
            cells = []
            for world in WORLDS:
                passed = ran.get((next(iter(get_python_name_generator(name))), world), ())
                if only_real and world == "embedded":
                    cells.append("–")
                    continue
                good = bool(passed) and all(passed)
                cells.append(f"passed{f' ×{len(passed)}' if len(passed) > 1 else ''}" if good else "failed" if passed else "not run")
                if not good:
                    wrong.append(f"{row}: {name}: {cells[-1]} ({world})")
            lines.append(f"| {row} | {name} | {' | '.join(cells)} |")
    return lines, wrong


def main(arguments: Sequence[str]) -> int:
    """With a path: reads that junit report instead of making one."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(arguments[0]) if arguments else Path(directory) / "report.xml"
        if not arguments:
            tagged = " or ".join(dict.fromkeys(function for row in scenarios_by_row().values() for function in map(_function, row)))
            command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", f"--junitxml={report}", "-k", tagged, str(FEATURES)]
            subprocess.run(command, check=False)
        lines, wrong = table(scenarios_by_row(), results(report))
    if not wrong:
        TABLE.write_text("\n".join([*HEAD, *lines, ""]), encoding="utf-8")
    sys.stdout.write("\n".join([*lines, "", *wrong, ""]))
    return 1 if wrong else 0


def _function(scenario: tuple[str, bool]) -> str:
    return next(iter(get_python_name_generator(scenario[0])))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
