"""How a person stands in a concert's line, as it is shown to them."""

from dataclasses import dataclass
from datetime import datetime

from domain.queue_token import QueueCondition, QueuePhase, QueueToken, QueueTokenState


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """``value`` is the signed token to keep. ``position`` (1 = next) is set only while WAITING, in phase OPEN or PAUSED, and LIVE."""

    token: QueueToken
    value: str
    state: QueueTokenState
    phase: QueuePhase
    condition: QueueCondition
    as_of: datetime
    position: int | None = None
    estimated_wait_seconds: int | None = None
    expires_at: datetime | None = None
    poll_after_seconds: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOverview:
    """``admitted_per_minute`` is measured over the last minute."""

    waiting: int
    active: int
    capacity: int
    admitted_per_minute: int
    paused: bool
