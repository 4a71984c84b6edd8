"""Metrics are foreseen, bounded, and never in the way."""

import ast
from pathlib import Path

from adapters.telemetry.metrics import METRICS, SERIES_PER_METRIC, Metric, PrometheusMetrics

ROOT = Path(__file__).parents[3]
KINDS = ("count", "observe", "gauge")

KNOWN = {"a_total": Metric("A.", ("kind",)), "b_seconds": Metric("B."), "c": Metric("C.")}


def measured(metrics: PrometheusMetrics) -> list[str]:
    return [line for line in metrics.exposition().decode().splitlines() if not line.startswith("#") and "_created" not in line]


def test_counts_timings_and_gauges() -> None:
    metrics = PrometheusMetrics(KNOWN)
    metrics.count("a_total", kind="x")
    metrics.count("a_total", 4, kind="x")
    metrics.observe("b_seconds", 0.2)
    metrics.gauge("c", 3)
    lines = measured(metrics)
    assert 'a_total{kind="x"} 5.0' in lines
    assert "b_seconds_count 1.0" in lines and 'b_seconds_bucket{le="0.25"} 1.0' in lines and 'b_seconds_bucket{le="0.1"} 0.0' in lines
    assert "c 3.0" in lines


def test_what_is_not_foreseen_is_dropped_and_counted() -> None:
    metrics = PrometheusMetrics(KNOWN)
    metrics.count("typo_total")
    metrics.count("a_total", user="ann")
    metrics.count("b_seconds")
    metrics.observe("b_seconds", 1.0)
    lines = measured(metrics)
    assert 'concert_metrics_dropped_total{name="unknown"} 1.0' in lines
    assert 'concert_metrics_dropped_total{name="a_total"} 1.0' in lines
    assert 'concert_metrics_dropped_total{name="b_seconds"} 1.0' in lines
    assert not any("ann" in line for line in lines)


def test_a_metric_has_a_bounded_number_of_series() -> None:
    metrics = PrometheusMetrics(KNOWN)
    for kind in range(SERIES_PER_METRIC + 7):
        metrics.count("a_total", kind=str(kind))
    lines = measured(metrics)
    assert sum(line.startswith("a_total{") for line in lines) == SERIES_PER_METRIC
    assert 'concert_metrics_dropped_total{name="a_total"} 7.0' in lines


def calls(source: str) -> list[tuple[str, tuple[str, ...]]]:
    """Each measurement the code takes: its name and its labels."""
    return [
        (
            node.args[0].value,
            tuple(sorted(keyword.arg or "**" for keyword in node.keywords if keyword.arg not in ("amount", "seconds", "value"))),
        )
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in KINDS
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
        and "metrics" in ast.unparse(node.func.value)
    ]


def test_every_measurement_in_the_code_is_foreseen() -> None:
    taken = {
        call
        for folder in ("application", "adapters", "entrypoints")
        for path in (ROOT / folder).rglob("*.py")
        for call in calls(path.read_text(encoding="utf-8"))
    }
    assert len(taken) > 15
    assert {call for call in taken if call[0] not in METRICS or set(call[1]) != set(METRICS[call[0]].labels)} == set()
    assert set(METRICS) == {name for name, _ in taken}


def test_a_measurement_that_is_not_foreseen_would_be_seen() -> None:
    assert calls('self._metrics.count("x_total", 2, kind=k)') == [("x_total", ("kind",))]
