"""What belongs to a person, as it is read."""

from sqlalchemy import select

from adapters.sql.core_tables import CONTACTS, POINT_ACCOUNTS, POINT_LEDGER
from adapters.sql.database import Reader
from adapters.sql.domain_rows import ledger_entry_of
from adapters.sql.lookups import Query, page_of, page_size
from application.ports.catalogue import Page
from domain.ids import UserId
from domain.money import ZERO, Won
from domain.point_account import PointLedgerEntry


class SqlPersonView:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def balance(self, user_id: UserId) -> Won:
        rows = await self._reader.rows(account(user_id))
        return Won(rows[0].balance) if rows else ZERO

    async def ledger(self, user_id: UserId, first: int, after: int | None) -> Page[PointLedgerEntry]:
        return page_of(await self._reader.rows(ledger_page(user_id, first, after)), first, ledger_entry_of)

    async def phone(self, user_id: UserId) -> str | None:
        rows = await self._reader.rows(contact(user_id))
        return str(rows[0].phone) if rows else None


def account(user_id: UserId) -> Query:
    return select(POINT_ACCOUNTS.c.balance).where(POINT_ACCOUNTS.c.user_id == user_id)


def ledger_page(user_id: UserId, first: int, after: int | None) -> Query:
    newest = POINT_LEDGER.c.sequence.desc()
    page = select(POINT_LEDGER).where(POINT_LEDGER.c.user_id == user_id).order_by(newest).limit(page_size(first) + 1)
    return page if after is None else page.where(POINT_LEDGER.c.sequence < after)


def contact(user_id: UserId) -> Query:
    return select(CONTACTS.c.phone).where(CONTACTS.c.user_id == user_id)
