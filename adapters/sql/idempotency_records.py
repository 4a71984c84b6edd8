"""Forgetting results that nobody asks for any more."""

from datetime import datetime

from adapters.sql.batched_delete import delete_at_most
from adapters.sql.core_tables import IDEMPOTENCY_RECORDS
from adapters.sql.database import Database


class SqlIdempotencyRecords:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def purge(self, before: datetime, limit: int) -> int:
        statement = delete_at_most(IDEMPOTENCY_RECORDS, IDEMPOTENCY_RECORDS.c.created_at < before, limit, self._database.dialect_name)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)
