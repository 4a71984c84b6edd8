"""The contract of IdempotencyRecords."""

from datetime import timedelta

from sqlalchemy import select

from adapters.sql import core_tables as tables
from adapters.sql.database import Database
from adapters.sql.idempotency_records import SqlIdempotencyRecords
from tests.contracts.rows import NOW, insert_rows, uid

RECORDS = tables.IDEMPOTENCY_RECORDS


async def test_old_records_are_forgotten_a_few_at_a_time_and_no_others(database: Database) -> None:
    ages = [timedelta(microseconds=1), timedelta(hours=1), timedelta(0), timedelta(hours=2), timedelta(hours=-1)]
    await insert_rows(
        database,
        RECORDS,
        (
            {
                "shard_key": uid(1),
                "owner": uid(2),
                "operation": "pay",
                "key": f"key-{number}",
                "fingerprint": b"f" * 32,
                "result": b"",
                "created_at": NOW - age,
            }
            for number, age in enumerate(ages)
        ),
    )
    records = SqlIdempotencyRecords(database)
    assert [await records.purge(NOW, 2) for _ in range(3)] == [2, 1, 0]
    assert {row.key for row in await database.rows(select(RECORDS.c.key))} == {"key-2", "key-4"}
