"""Breaks the tree, one mutant at a time, and says what no test has noticed."""

import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mutants.mutant import Mutant, Outdated
from tests.mutants.trees import Run, copied, run_tests

PROOF = re.compile(r"AssertionError|assert |Failed: DID NOT RAISE|domain\.errors\.")
"""How a test fails that has noticed: what it asserts is not so, or the code under test refuses. A NameError proves nothing."""
SIDE_BY_SIDE = 1 if "PYTEST_XDIST_WORKER" in os.environ else min(2, os.cpu_count() or 1)
"""Runs at once: where pytest itself runs over several processes, each of them has its one."""


def problems(mutants: Sequence[Mutant], ground: Path) -> list[str]:
    """What is wrong with these mutants and their tests, each told by name; none where every one is noticed.

    ``ground`` is a copy of the tree that is left as it is. Each mutant is broken in another copy.
    """
    if whole := _problems_of_the_unbroken(mutants, ground):
        return whole
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        found = pool.map(lambda mutant: _problem(mutant, ground), mutants)
    return [f"{mutant.name}: {problem}" for mutant, problem in zip(mutants, found, strict=True) if problem is not None]


def _problems_of_the_unbroken(mutants: Sequence[Mutant], ground: Path) -> list[str]:
    """A test that fails anyway, or is none, would notice nothing."""
    tests = {test for mutant in mutants for test in mutant.noticed_by}
    run = run_tests(ground, tests)
    if not run.is_whole:
        return [_broken_off("the unbroken tree", run)]
    failing = [f"{node} fails though nothing is broken: {how}" for node, how in run.failed.items()]
    return failing + [
        f"{test} was not run" for test in sorted(tests) if not any(_is_of(node, test) for node in run.passed | run.failed.keys())
    ]


def _problem(mutant: Mutant, ground: Path) -> str | None:
    with TemporaryDirectory(prefix="mutant-") as directory:
        tree = copied(ground, Path(directory))
        try:
            mutant.break_(tree)
        except Outdated as outdated:
            return f"is outdated: {outdated}"
        run = run_tests(tree, mutant.noticed_by)
    if not run.is_whole:
        return _broken_off("its run", run)
    return "; ".join(filter(None, (_blindness(test, run) for test in mutant.noticed_by))) or None


def _blindness(test: str, run: Run) -> str | None:
    """Why this test has noticed nothing, unless it has."""
    failures = [how for node, how in run.failed.items() if _is_of(node, test)]
    if not failures:
        return f"nothing was noticed by {test}"
    if not any(PROOF.match(how) for how in failures):
        return f"{test} failed by {failures[0].splitlines()[0]!r}, which proves nothing"
    return None


def _is_of(node: str, test: str) -> bool:
    return node == test or node.startswith(f"{test}[")


def _broken_off(what: str, run: Run) -> str:
    reasons = [f"{node}: {how}" for node, how in run.errors.items()] or [run.tail]
    return f"{what} broke off (status {run.status}): {'; '.join(reasons)}"
