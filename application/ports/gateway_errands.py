from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.gateway_errand import ErrandId, GatewayErrand


class NextStep(StrEnum):
    SEND = "SEND"
    LOOK_UP = "LOOK_UP"
    LOOK_BACK = "LOOK_BACK"
    """It was closed before. Whether its end was true is looked up, and nothing is ever sent for it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueErrand:
    """A leased errand. ``begun_at`` is when its request was first about to leave; ``now`` is the database's clock at the claim."""

    errand: GatewayErrand
    next_step: NextStep
    begun_at: datetime | None
    sends: int
    look_ups: int
    now: datetime


class GatewayErrands(Protocol):
    """Errands waiting to be run. Time is the database's; a claim is conditional on its owner."""

    async def claim(self, owner: str, limit: int, lease_seconds: int) -> Sequence[DueErrand]:
        """OPEN errands that are due and nobody else has, oldest first, for so long."""
        ...

    async def begin_send(self, owner: str, errand_id: ErrandId) -> bool:
        """Written before the first byte leaves; from here on the next step is a look-up, whoever takes it.

        False if the lease has run out or is another's, or the errand is no longer open: then nothing may be sent.
        """
        ...

    async def postpone(
        self,
        owner: str,
        errand_id: ErrandId,
        next_step: NextStep,
        seconds: float,
        note: str,
        *,
        sends: int | None = None,
        counts: bool = True,
    ) -> None:
        """Claimable again after so long; ``note`` (a code, nothing personal) says why. One more look-up unless it is to be sent,
        or this one does not count.

        ``sends``: no more requests than these were about to leave, since the last one was not tried after all.
        """
        ...

    async def hurry(self, errand_ids: Sequence[ErrandId]) -> int:
        """Those of them that wait for their next look-up need not wait longer; returns how many did."""
        ...

    async def look_back(self, errand_id: ErrandId, every: float) -> bool:
        """Whether it was closed; it is open again, for a LOOK_BACK: at once or, where there was one in the last ``every``
        seconds, after as many.
        """
        ...
