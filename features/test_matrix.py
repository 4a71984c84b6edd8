"""No row of the report is forgotten."""

from pathlib import Path

import pytest

from features.matrix import ROWS, TABLE, results, scenarios_by_row, table


def test_every_row_has_a_scenario() -> None:
    assert len(ROWS) == 42
    assert [row for row, scenarios in scenarios_by_row().items() if not scenarios] == []


def test_the_table_in_the_docs_is_of_these_scenarios() -> None:
    """And nothing that has failed was put down there."""
    lines = [line.strip("| ").split(" | ") for line in TABLE.read_text("utf-8").splitlines() if line.startswith("| R")]
    assert [(row, name) for row, name, *_ in lines] == [(row, name) for row, found in scenarios_by_row().items() for name, _ in found]
    assert {outcome.partition(" ")[0] for _, _, *outcomes in lines for outcome in outcomes} == {"passed", "–"}


@pytest.mark.parametrize(
    ("outcome", "wrong"),
    [("", []), ("<failure/>", ["R6.1: 환불: failed (real)"]), ("<skipped/>", ["R6.1: 환불: failed (real)"])],
)
def test_what_did_not_pass_is_told(tmp_path: Path, outcome: str, wrong: list[str]) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        f'<testsuite><testcase name="test_환불[embedded]"/><testcase name="test_환불[real]">{outcome}</testcase></testsuite>', "utf-8"
    )
    assert table({"R6.1": [("환불", False)]}, results(report))[1] == wrong


def test_what_did_not_run_is_told(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text("<testsuite/>", "utf-8")
    assert table({"R6.1": [], "R6.2": [("환불", True)]}, results(report))[1] == ["R6.1: no scenario", "R6.2: 환불: not run (real)"]
