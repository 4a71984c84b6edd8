"""Counts and timings for Prometheus.

Every name stands in ``METRICS``, with its help and its labels; a name, a label or a number of label values that is
not foreseen is dropped and counted, for metrics must never fail or fill the memory of what they measure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics import MetricWrapperBase

SERIES_PER_METRIC = 300
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


@dataclass(frozen=True, slots=True)
class Metric:
    help: str
    labels: tuple[str, ...] = ()


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "concert_failures_total": Metric("Failures, by where they were met and by the report's three kinds.", ("step", "kind")),
        "concert_gateway_webhooks_total": Metric("Webhooks of the payment gateway, by what came of them.", ("outcome",)),
        "concert_alimtalk_webhooks_total": Metric("Webhooks about the results of AlimTalk, by what came of them.", ("outcome",)),
        "concert_operator_alerts_total": Metric("What only a person can mend, by the runbook's name.", ("alert",)),
        "concert_after_commit_failures_total": Metric("Hints that failed after a commit.", ("hint",)),
        "concert_role_crashes_total": Metric("Passes of a role that ended in an exception.", ("role", "kind")),
        "concert_role_pass_seconds": Metric("How long one pass of a role took.", ("role",)),
        "concert_role_handled_total": Metric("What the passes of a role dealt with.", ("role",)),
        "concert_internal_errors_total": Metric("Faults masked to a client.", ("kind",)),
        "concert_graphql_seconds": Metric("How long a GraphQL query or mutation took.", ("type", "outcome")),
        "concert_ready": Metric("Whether a server that this process needs answers (1) or not (0).", ("server",)),
        "concert_commit_seconds": Metric("How long a group of transactions took to commit.", ()),
        "concert_writer_deaths_total": Metric("Writers of the unit of work that ended and were replaced."),
        "concert_admissions_total": Metric("People admitted.", ("concert",)),
        "concert_admission_failures_total": Metric("Admission ticks that failed.", ("kind",)),
        "concert_pass_checks_dropped_total": Metric("Passes whose check was lost; the sweep finds them."),
        "concert_queue_recoveries_total": Metric("Epochs opened because the queue's store had lost the one before."),
        "concert_queue_waiting": Metric("People who wait.", ("concert",)),
        "concert_queue_active": Metric("People who are booking.", ("concert",)),
        "concert_queue_watchers": Metric("Streams of positions that are open in this process."),
        "concert_messages_published_total": Metric("Messages the broker has acknowledged."),
        "concert_messages_not_published_total": Metric("Messages given back to the outbox.", ("fault",)),
        "concert_messages_handled_total": Metric("Messages handled; REPEAT and OVERTAKEN changed nothing.", ("type", "taken")),
        "concert_dead_letters_total": Metric("Messages given up, by who gave them up.", ("origin",)),
        "concert_notifications_total": Metric("Attempts to notify a person, by their end.", ("channel", "outcome")),
        "concert_deliveries_total": Metric("Looks at what a provider has taken, by what became of it.", ("channel", "fate")),
        "concert_circuit_state": Metric("A circuit is closed (0), half-open (1) or open (2).", ("circuit",)),
        "concert_circuit_transitions_total": Metric("Changes of a circuit's state, counted where they were decided.", ("circuit", "state")),
        "concert_circuit_rejections_total": Metric("Calls that were not made, since a circuit was open.", ("circuit",)),
        "concert_circuit_store_faults_total": Metric("Times the shared circuits did not answer.", ("kind",)),
        "concert_rate_limited_total": Metric("Calls that were not made, since it would have been too often.", ("provider",)),
        "concert_shed_total": Metric("Requests refused for want of room.", ("kind",)),
        "concert_notification_seconds": Metric("From the message to its acceptance by the provider.", ("channel",)),
    }
)


class PrometheusMetrics:
    def __init__(self, metrics: Mapping[str, Metric] = METRICS) -> None:
        self._known = metrics
        self._made: dict[str, MetricWrapperBase] = {}
        self._series: dict[str, set[tuple[str, ...]]] = {}
        self.registry = CollectorRegistry()
        self._dropped = Counter(
            "concert_metrics_dropped_total", "Measurements that METRICS does not foresee.", ("name",), registry=self.registry
        )

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        made = self._child(Counter, name, labels)
        if isinstance(made, Counter):
            made.inc(amount)

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        made = self._child(Histogram, name, labels)
        if isinstance(made, Histogram):
            made.observe(seconds)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        made = self._child(Gauge, name, labels)
        if isinstance(made, Gauge):
            made.set(value)

    def exposition(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self.registry)

    def _child(self, kind: type[Counter] | type[Gauge] | type[Histogram], name: str, labels: Mapping[str, str]) -> MetricWrapperBase | None:
        known = self._known.get(name)
        if known is None or set(labels) != set(known.labels):
            self._drop(name if known else "unknown")
            return None
        values = tuple(str(labels[label]) for label in known.labels)
        series = self._series.setdefault(name, set())
        if values not in series:
            if len(series) >= SERIES_PER_METRIC:
                self._drop(name)
                return None
            series.add(values)
        parent = self._made.get(name)
        if parent is None:
            parent = self._made[name] = self._make(kind, name, known)
        if not isinstance(parent, kind):
            self._drop(name)
            return None
        return parent.labels(*values) if values else parent

    def _make(self, kind: type[Counter] | type[Gauge] | type[Histogram], name: str, known: Metric) -> MetricWrapperBase:
        if issubclass(kind, Histogram):
            return Histogram(name, known.help, known.labels, buckets=BUCKETS, registry=self.registry)
        return kind(name, known.help, known.labels, registry=self.registry)

    def _drop(self, name: str) -> None:
        self._dropped.labels(name).inc()
