from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.gateway_errand import ErrandState, GatewayErrand


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualErrand:
    """An errand that waits for a person, and how it was run: ``note`` is the code for which it was last postponed."""

    errand: GatewayErrand
    begun_at: datetime | None
    sends: int
    look_ups: int
    note: str | None


class GatewayErrandView(Protocol):
    """For operators."""

    async def manual(self, limit: int) -> Sequence[ManualErrand]:
        """Those handed over to a person, oldest first."""
        ...

    async def counts(self) -> Mapping[ErrandState, int]:
        """How many are OPEN, and how many MANUAL; the closed ones only grow in number, and are not counted."""
        ...
