"""Copies of the tree, and test runs in them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
FOLDERS = ("domain", "application", "adapters", "entrypoints", "tests")
SECONDS = 240
"""For one run; a test in it that hangs is ended before."""
PLUGINS = ("pytest_asyncio.plugin", "pytest_timeout", "tests.servers.fixtures", "tests.mutants.origin")
"""Named, since finding and importing all that are installed takes as long as the tests do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """``status``: pytest's. ``passed``: node ids; ``failed``: node id → how it failed; ``errors``: what broke around the tests."""

    status: int
    passed: frozenset[str] = frozenset()
    failed: dict[str, str]
    errors: dict[str, str]
    tail: str

    @property
    def is_whole(self) -> bool:
        """It came to its end, and nothing broke but tests."""
        return self.status in (0, 1) and not self.errors


def copied(source: Path, target: Path, *, compiled: bool = True) -> Path:
    """The code and the settings of its tests; with what was ``compiled`` of it, so that this need not be done again."""
    left_out = shutil.ignore_patterns() if compiled else shutil.ignore_patterns("__pycache__")
    for folder in FOLDERS:
        shutil.copytree(source / folder, target / folder, ignore=left_out)
    shutil.copy2(source / "pyproject.toml", target)
    return target


def run_tests(tree: Path, tests: Iterable[str]) -> Run:
    report = tree / "report.xml"
    options = ["-q", "--no-header", "--tb=line", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestConfigWarning"]
    plugins = [option for plugin in PLUGINS for option in ("-p", plugin)]
    settings = ["-o", "addopts=--import-mode=importlib", "-o", "junit_family=xunit1", f"--junitxml={report}"]
    kept = (name for name in os.environ if not name.startswith("PYTEST_") and name != "PYTHONDONTWRITEBYTECODE")
    environment = {name: os.environ[name] for name in kept}
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *plugins, *settings, *sorted(tests)],
            cwd=tree,
            env=environment | {"PYTHONPATH": str(tree), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return Run(status=-1, failed={}, errors={}, tail=f"it had not ended after {SECONDS} s")
    return _read(report, ended.returncode, "\n".join(ended.stdout.splitlines()[-5:]))


def _read(report: Path, status: int, tail: str) -> Run:
    passed: set[str] = set()
    failed: dict[str, str] = {}
    errors: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase") if report.exists() else ():
        node = f"{case.get('file')}::{case.get('name')}"
        failure, error = case.find("failure"), case.find("error")
        if failure is not None:
            failed[node] = failure.get("message", "")
        if error is not None:
            errors[node] = ": ".join([error.get("message", ""), *(error.text or "").splitlines()[-1:]])
        if failure is None and error is None and case.find("skipped") is None:
            passed.add(node)
    return Run(status=status, passed=frozenset(passed), failed=failed, errors=errors, tail=tail)
