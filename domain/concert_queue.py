"""What the database remembers of a concert's waiting queue: its epoch, its state and the operators' levers."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from domain.errors import Stale
from domain.ids import ConcertId
from domain.queue_token import HIGHEST_EPOCH


class QueueStatus(StrEnum):
    OPEN = "OPEN"
    PAUSED = "PAUSED"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcertQueue:
    """``capacity`` passes at once, ``rate`` admissions a second. Epoch 0: nobody was ever numbered."""

    concert_id: ConcertId
    epoch: int = 0
    status: QueueStatus = QueueStatus.OPEN
    capacity: int
    rate: int

    def ensure_epoch(self, epoch: int) -> None:
        """Raises Stale: what was counted in another epoch grants nothing in this one."""
        if self.epoch != epoch:
            raise Stale(f"the queue is in epoch {self.epoch}, not {epoch}")

    def raise_epoch(self, expected: int) -> Self:
        """The next epoch, once: whoever comes second finds it done and gets Stale."""
        self.ensure_epoch(expected)
        if expected >= HIGHEST_EPOCH:
            raise ValueError("the epochs of this concert are used up")
        return replace(self, epoch=expected + 1)

    def pause(self) -> Self:
        return self if self.status is QueueStatus.CLOSED else replace(self, status=QueueStatus.PAUSED)

    def resume(self) -> Self:
        return self if self.status is QueueStatus.CLOSED else replace(self, status=QueueStatus.OPEN)

    def close(self) -> Self:
        return replace(self, status=QueueStatus.CLOSED)

    def with_levers(self, *, capacity: int | None = None, rate: int | None = None) -> Self:
        return replace(self, capacity=self.capacity if capacity is None else capacity, rate=self.rate if rate is None else rate)
