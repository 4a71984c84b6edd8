from typing import Protocol


class OperatorAlert(Protocol):
    def tell(self, alert: str, **facts: str) -> None:
        """Something that only a person can mend. ``alert`` names the runbook; facts are ids and codes, nothing personal. Never raises."""
        ...
