"""Telling operators, in the log and as a count that an alert rule watches."""

import logging

from application.ports.metrics import Metrics

log = logging.getLogger(__name__)


class LoggedAlerts:
    """Each alert is an error in the log, with its facts, and one more in ``concert_operator_alerts_total``."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def tell(self, alert: str, **facts: str) -> None:
        log.error("an operator is needed", extra={"alert": alert, **facts})
        self._metrics.count("concert_operator_alerts_total", alert=alert)
