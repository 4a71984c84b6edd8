"""The contract of PersonView."""

from adapters.sql import core_tables as tables
from adapters.sql.database import Database
from adapters.sql.person_view import SqlPersonView
from application.ports.catalogue import Page
from domain.ids import LedgerEntryId, UserId
from domain.money import Won
from domain.point_account import LedgerKind, PointLedgerEntry
from tests.contracts.rows import MINUTE, NOW, insert_rows, uid

MINSU = UserId(uid(501))
JIYOUNG = UserId(uid(502))


def an_entry(sequence: int, user_id: UserId = MINSU) -> PointLedgerEntry:
    return PointLedgerEntry(
        id=LedgerEntryId(uid(600 + sequence)),
        user_id=user_id,
        sequence=sequence,
        kind=LedgerKind.DEDUCT if sequence % 2 else LedgerKind.RESTORE,
        amount=-500 if sequence % 2 else 500,
        balance_after=Won(1_000_000),
        source=uid(700 + sequence),
        created_at=NOW + sequence * MINUTE,
    )


async def put(database: Database, *entries: PointLedgerEntry) -> None:
    rows = [
        {
            "user_id": entry.user_id,
            "sequence": entry.sequence,
            "entry_id": entry.id,
            "kind": entry.kind,
            "amount": entry.amount,
            "balance_after": entry.balance_after,
            "source": entry.source,
            "created_at": entry.created_at,
        }
        for entry in entries
    ]
    await insert_rows(database, tables.POINT_LEDGER, rows)


async def test_who_has_no_account_has_no_points(database: Database) -> None:
    await insert_rows(database, tables.POINT_ACCOUNTS, [{"user_id": MINSU, "balance": 2_000_000_000, "sequence": 3}])
    view = SqlPersonView(database)
    assert (await view.balance(MINSU), await view.balance(JIYOUNG)) == (2_000_000_000, 0)


async def test_the_ledger_is_walked_newest_first_and_is_one_s_own(database: Database) -> None:
    entries = [an_entry(sequence) for sequence in range(1, 6)]
    await put(database, *entries, an_entry(9, JIYOUNG))
    view = SqlPersonView(database)
    assert await view.ledger(MINSU, 3, None) == Page(items=(entries[4], entries[3], entries[2]), has_next=True)
    assert await view.ledger(MINSU, 3, 3) == Page(items=(entries[1], entries[0]), has_next=False)
    assert await view.ledger(MINSU, 3, 1) == Page(items=(), has_next=False)


async def test_the_phone_number_is_the_one_that_is_kept(database: Database) -> None:
    await insert_rows(database, tables.CONTACTS, [{"user_id": MINSU, "phone": "01012345678", "chosen": True}])
    view = SqlPersonView(database)
    assert (await view.phone(MINSU), await view.phone(JIYOUNG)) == ("01012345678", None)
