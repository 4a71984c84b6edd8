"""Telling that there is no room, at a price that does not take from what room there is."""

import logging
import time

from application.failures import FailureKind, count_failure
from application.ports.metrics import Metrics

log = logging.getLogger(__name__)

TELL_AGAIN_SECONDS = 1.0


class Shortage:
    """Each refusal is counted; the first and then one a second is written down, with how many there were since the last."""

    def __init__(self, metrics: Metrics, step: str) -> None:
        self._metrics = metrics
        self._step = step
        self._untold = 0
        self._told_at = float("-inf")

    def note(self) -> None:
        count_failure(self._metrics, self._step, FailureKind.LACK_OF_RESOURCE)
        self._untold += 1
        if (now := time.monotonic()) - self._told_at < TELL_AGAIN_SECONDS:
            return
        extra = {"step": self._step, "kind": FailureKind.LACK_OF_RESOURCE.value, "refused": self._untold}
        log.warning("there is no room for more", extra=extra)
        self._untold, self._told_at = 0, now
