from typing import Protocol

from domain.ids import TopUpId
from domain.top_up import TopUp


class TopUpView(Protocol):
    async def top_up(self, top_up_id: TopUpId) -> TopUp | None: ...
