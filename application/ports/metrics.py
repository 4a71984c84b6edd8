from typing import Protocol


class Metrics(Protocol):
    """Counts and timings. Labels carry no personal data. Never raises."""

    def count(self, name: str, amount: int = 1, **labels: str) -> None: ...

    def observe(self, name: str, seconds: float, **labels: str) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...
