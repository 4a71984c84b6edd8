"""Failures: counted by step and by the report's three kinds, and written down, one line each.

A line carries the precise class, and the correlation id of the request or pass it belongs to. Neither carries what a
person has typed in or is called.
"""

import logging
from collections.abc import Callable
from enum import StrEnum

from application.ports.metrics import Metrics
from domain.errors import ServiceUnavailable, TransientError

log = logging.getLogger(__name__)

EDGE = "edge"
"""The step of what no other step has dealt with before it reached the client."""


class FailureKind(StrEnum):
    """What the report (2.1 to 2.3) names as causes."""

    UNHANDLED_EXCEPTION = "unhandled_exception"
    LACK_OF_RESOURCE = "lack_of_resource"
    SLOW_QUERY_IO = "slow_query_io"


def kind_of(fault: BaseException) -> FailureKind:
    """A fault of something that was asked and did not answer in time, or broke off, is one of its I/O."""
    match fault:
        case ServiceUnavailable() | TransientError(shortage=True) | MemoryError():
            return FailureKind.LACK_OF_RESOURCE
        case TransientError() | TimeoutError():
            return FailureKind.SLOW_QUERY_IO
        case _:
            return FailureKind.UNHANDLED_EXCEPTION


def note_failure(metrics: Metrics, step: str, fault: BaseException, **facts: object) -> None:
    """Of what others have raised only the class is written down: their words may repeat what was sent to them."""
    kind = kind_of(fault)
    count_failure(metrics, step, kind)
    told = {"step": step, "kind": kind.value, "fault": type(fault).__name__, **facts}
    if isinstance(fault, TransientError):
        told["detail"] = str(fault)
    if fault.__cause__ is not None:
        told["cause"] = type(fault.__cause__).__name__
    log.warning("a failure", extra=told)


def count_failure(metrics: Metrics, step: str, kind: FailureKind) -> None:
    """For a failure whose line is written by who counts it."""
    metrics.count("concert_failures_total", step=step, kind=kind.value)


TELL_AGAIN_SECONDS = 1.0


class Shortage:
    """Refusals for want of room: each is counted; the first, and then one a second, is written down with how many they were.

    Telling must not take from what room there is. ``elapsed``: seconds since some moment.
    """

    def __init__(self, metrics: Metrics, step: str, elapsed: Callable[[], float]) -> None:
        self._metrics = metrics
        self._step = step
        self._elapsed = elapsed
        self._untold = 0
        self._told_at = float("-inf")

    def note(self) -> None:
        kind = FailureKind.LACK_OF_RESOURCE
        count_failure(self._metrics, self._step, kind)
        self._untold += 1
        now = self._elapsed()
        if now - self._told_at >= TELL_AGAIN_SECONDS:
            log.warning("there is no room for more", extra={"step": self._step, "kind": kind.value, "refused": self._untold})
            self._untold, self._told_at = 0, now
