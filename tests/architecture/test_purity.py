"""The core is pure: time, ids and chance come in as arguments, and nothing but Python is imported."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ("domain", "application")
# Reading the clock, making an id, or drawing by chance, under whatever name it was imported.
REFUSED = (
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "uuid.uuid1",
    "uuid.uuid4",
    "uuid.uuid7",
    "os.urandom",
    "random",
    "secrets",
)


def imported_names(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for, as a dotted path."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(
                {alias.asname or alias.name.split(".")[0]: alias.name if alias.asname else alias.name.split(".")[0] for alias in node.names}
            )
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return names


def dotted(node: ast.expr, names: dict[str, str]) -> str | None:
    """The dotted path that an expression reads, where it begins with an import."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value, names)
        return f"{owner}.{node.attr}" if owner else None
    return None


def impurities(source: str) -> Iterator[tuple[int, str]]:
    """Each line that reads what the core has to be told."""
    tree = ast.parse(source)
    names = imported_names(tree)
    found: set[tuple[int, str]] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name | ast.Attribute):
            continue
        path = dotted(node, names)
        if path and any(path == refused or path.startswith(f"{refused}.") for refused in REFUSED):
            found.add((node.lineno, path))
    return iter(sorted(found))


def foreign_imports(source: str, own: tuple[str, ...]) -> list[str]:
    """The top-level packages imported that are neither Python's nor the core's own."""
    roots: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            roots.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            roots.add((node.module or "").split(".")[0])
    return sorted(roots - set(own) - sys.stdlib_module_names)


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", CORE)
def test_the_core_is_told_the_time_the_ids_and_the_chances(package: str) -> None:
    assert sources(package)
    found = {str(path.relative_to(ROOT)): list(impurities(path.read_text(encoding="utf-8"))) for path in sources(package)}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize("package", CORE)
def test_the_core_imports_nothing_but_python(package: str) -> None:
    own = ("domain",) if package == "domain" else CORE
    found = {str(path.relative_to(ROOT)): foreign_imports(path.read_text(encoding="utf-8"), own) for path in sources(package)}
    assert {path: roots for path, roots in found.items() if roots} == {}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from datetime import datetime as moment\nmoment.now()", [(2, "datetime.datetime.now")]),
        ("import datetime\ndatetime.datetime.utcnow()", [(2, "datetime.datetime.utcnow")]),
        ("import time as t\nt.time()", [(2, "time.time")]),
        ("from uuid import uuid4\nmake = uuid4", [(2, "uuid.uuid4")]),
        ("from random import choice\nchoice([1])", [(2, "random.choice")]),
        ("from dataclasses import field\nfrom uuid import uuid4\nfield(default_factory=uuid4)", [(3, "uuid.uuid4")]),
        ("from datetime import datetime\ndef seen(now: datetime) -> datetime: return now", []),
        ("import uuid\nuuid.uuid5(uuid.NAMESPACE_URL, 'a')", []),
    ],
)
def test_impurities_are_seen_under_any_name(source: str, expected: list[tuple[int, str]]) -> None:
    assert list(impurities(source)) == expected


def test_a_foreign_import_is_seen() -> None:
    assert foreign_imports("import redis.asyncio\nfrom domain.money import Won\nimport json", ("domain",)) == ["redis"]
