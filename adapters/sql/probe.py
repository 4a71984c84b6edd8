from sqlalchemy import literal, select

from adapters.sql.database import Reader
from domain.errors import StoreUnavailable


class SqlProbe:
    """Whether the database answers a question."""

    server = "database"

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def answers(self) -> bool:
        try:
            return len(await self._reader.rows(select(literal(1)))) == 1
        except StoreUnavailable:
            return False
