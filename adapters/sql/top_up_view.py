"""Top-ups, as they are read."""

from sqlalchemy import select

from adapters.sql.card_rows import top_up_of
from adapters.sql.core_tables import TOP_UPS
from adapters.sql.database import Reader
from adapters.sql.lookups import by_key
from domain.ids import TopUpId
from domain.top_up import TopUp


class SqlTopUpView:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def top_up(self, top_up_id: TopUpId) -> TopUp | None:
        found = await by_key(self._reader, TOP_UPS, [top_up_id], select(TOP_UPS))
        return top_up_of(found[top_up_id]) if top_up_id in found else None
