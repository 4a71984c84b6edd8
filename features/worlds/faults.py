"""The switches of a service's faults: at its own ports, at the card gateway and at the channels; and what it says of itself."""

import re
from typing import Any

import httpx

from features.worlds.graphql import SHORTLY_KEPT
from features.worlds.service import BookingService

PORTS, GATEWAY, CHANNELS = "/simulator/ports/faults", "/simulator/toss/faults", "/simulator/faults"
CIRCUITS = "/simulator/ports/circuits"
OF_THE_PROCESS = ("/simulator/ports/", "/metrics")
"""What the service itself answers; the providers answer the rest."""


class Faults:
    """Of one scenario: ``service`` is the one whose switches they are, once the scenario has named it."""

    def __init__(self) -> None:
        self.service: BookingService | None = None
        self._http = httpx.Client(timeout=20, trust_env=False, verify=False, limits=SHORTLY_KEPT)
        self._before: dict[str, float] = {}

    def meet(self, service: BookingService) -> None:
        """All switches are off, all circuits closed, and what is measured from now on is the scenario's own."""
        self.service = service
        self.clear()
        self._ask("DELETE", CIRCUITS)
        self._before = self.metrics()

    def set(self, switches: str, **fault: Any) -> None:
        answer = self._ask("POST", switches, json=fault)
        assert answer.status_code == 200, answer.text

    def clear(self) -> None:
        if self.service is not None and self.service.runs:
            for switches in (PORTS, GATEWAY, CHANNELS):
                self._ask("DELETE", switches)

    def end(self) -> None:
        self.clear()
        self._http.close()

    def reached(self, at: str) -> list[dict[str, Any]]:
        """Who came to that place, when, oldest first, since the switches were cleared."""
        return [one for one in self.get(PORTS)["reached"] if one["at"] == at]

    def get(self, path: str, **query: str) -> Any:
        answer = self._ask("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def checkout(self, **card: Any) -> str:
        """At the gateway, as the fan's own device does it: the payment key."""
        answer = self._ask("POST", "/simulator/toss/checkout", json=card)
        assert answer.status_code == 200, answer.text
        key: str = answer.json()["paymentKey"]
        return key

    def metrics(self) -> dict[str, float]:
        """`name{label="value",…}` → what it stands at."""
        text = self._ask("GET", "/metrics").text
        found = re.findall(r"^([a-z_]+(?:\{[^}]*\})?) (\S+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in found}

    def grown(self, name: str, **labels: str) -> float:
        """By how much, of all series with these labels, since the scenario began. A restart begins anew."""
        now = self.metrics()
        fitting = [series for series in now if _fits(series, name, labels)]
        return sum(now[series] - self._before.get(series, 0.0) for series in fitting)

    def gauge(self, name: str, **labels: str) -> float:
        [value] = [value for series, value in self.metrics().items() if _fits(series, name, labels)] or [0.0]
        return value

    def _ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        assert self.service is not None, "no service whose faults they could be"
        url = self.service.url if path.startswith(OF_THE_PROCESS) else self.service.providers_url
        return self._http.request(method, f"{url}{path}", **how)


def _fits(series: str, name: str, labels: dict[str, str]) -> bool:
    return series.partition("{")[0] == name and all(f'{label}="{value}"' in series for label, value in labels.items())
