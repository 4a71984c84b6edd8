"""Habits that no linter knows."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("domain", "application", "adapters", "entrypoints", "features", "tests", "benchmarks")
# In two pieces, so that this file does not find itself.
MOCKS = "unittest" + ".mock"


def python_files() -> list[Path]:
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def mocking(paths: list[Path]) -> list[str]:
    return [
        str(path)
        for path in paths
        if MOCKS in path.read_text(encoding="utf-8") or "from unittest import " in path.read_text(encoding="utf-8")
    ]


def test_nothing_is_mocked() -> None:
    files = python_files()
    assert Path(__file__) in files
    assert mocking([path for path in files if path != Path(__file__)]) == []


def test_a_mock_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(f"from {MOCKS} import AsyncMock\n")
    assert mocking([tmp_path / "test_it.py"]) == [str(tmp_path / "test_it.py")]
