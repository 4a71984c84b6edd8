"""Nearest-rank percentiles: always a value that was measured."""

import pytest

from entrypoints.rehearsal.report import percentile


@pytest.mark.parametrize(
    ("percent", "expected"),
    [(50, 50), (95, 95), (99, 99), (100, 100), (1, 1)],
)
def test_of_a_hundred_values(percent: float, expected: float) -> None:
    assert percentile([float(value) for value in range(100, 0, -1)], percent) == expected


def test_of_few_values() -> None:
    assert percentile([3.0], 50) == 3.0
    assert percentile([3.0], 99) == 3.0
    assert percentile([1.0, 2.0], 50) == 1.0
    assert percentile([1.0, 2.0], 51) == 2.0


def test_of_none() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)
