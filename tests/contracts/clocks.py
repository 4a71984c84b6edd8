"""Time as a test wants it."""

from datetime import UTC, datetime, timedelta


class FixedClock:
    """Stands at a moment until it is moved."""

    def __init__(self, moment: datetime = datetime(2030, 5, 1, 20, 0, tzinfo=UTC)) -> None:
        self._moment = moment

    def now(self) -> datetime:
        return self._moment

    def move(self, by: timedelta) -> None:
        self._moment += by
