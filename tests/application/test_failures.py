"""Every failure is counted under one of three kinds, and none is told with a person's words."""

import pytest

from application.failures import FailureKind, Shortage, kind_of, note_failure
from domain.errors import BrokerUnavailable, NotCommitted, NotNeeded, OutcomeUnknown, ServiceUnavailable, StoreUnavailable
from tests.application.test_retrying import Counted


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (NotCommitted(), FailureKind.SLOW_QUERY_IO),
        (OutcomeUnknown(), FailureKind.SLOW_QUERY_IO),
        (BrokerUnavailable(), FailureKind.SLOW_QUERY_IO),
        (TimeoutError(), FailureKind.SLOW_QUERY_IO),
        (StoreUnavailable("full", shortage=True), FailureKind.LACK_OF_RESOURCE),
        (ServiceUnavailable(), FailureKind.LACK_OF_RESOURCE),
        (MemoryError(), FailureKind.LACK_OF_RESOURCE),
        (NotNeeded(), FailureKind.UNHANDLED_EXCEPTION),
        (KeyError("010-1234-5678"), FailureKind.UNHANDLED_EXCEPTION),
    ],
)
def test_each_fault_is_of_one_kind(fault: Exception, kind: FailureKind) -> None:
    assert kind_of(fault) is kind


def test_the_labels_are_the_reports() -> None:
    assert sorted(FailureKind) == ["lack_of_resource", "slow_query_io", "unhandled_exception"]


def test_what_others_have_raised_is_named_and_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Counted()
    fault = NotCommitted("MySQL error 1213")
    fault.__cause__ = KeyError("010-1234-5678")
    note_failure(metrics, "payment", fault)
    note_failure(metrics, "payment", KeyError("010-1234-5678"))
    first, second = (vars(record) for record in caplog.records)
    assert (first["fault"], first["detail"], first["cause"]) == ("NotCommitted", "MySQL error 1213", "KeyError")
    assert (second["fault"], second["kind"]) == ("KeyError", "unhandled_exception")
    assert "1234" not in repr((first["msg"], first["args"], first["detail"], second["msg"], second["args"], second.get("detail")))
    assert [labels["kind"] for _, labels in metrics.counts] == ["slow_query_io", "unhandled_exception"]


def test_a_shortage_is_counted_each_time_and_told_once_a_second(caplog: pytest.LogCaptureFixture) -> None:
    metrics, now = Counted(), [0.0]
    shortage = Shortage(metrics, "edge", lambda: now[0])
    for moment in (0.0, 0.1, 0.9, 1.0, 1.5):
        now[0] = moment
        shortage.note()
    assert metrics.counts == [("concert_failures_total", {"step": "edge", "kind": "lack_of_resource"})] * 5
    assert [vars(record)["refused"] for record in caplog.records] == [1, 3]
