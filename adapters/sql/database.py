"""The database, whichever it is."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Executable, Row

from adapters.sql.addresses import SqliteAddress, parse_address
from adapters.sql.mysql_database import MysqlDatabase
from adapters.sql.slow_statements import SlowStatements
from adapters.sql.sqlite_database import SqliteDatabase

T = TypeVar("T")


class Reader(Protocol):
    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        """What a statement of SQLAlchemy's Core reads, without locks. Raises StoreUnavailable."""
        ...


class Database(Reader, Protocol):
    @property
    def dialect_name(self) -> str:
        """``mysql`` or ``sqlite``."""
        ...

    async def open(self) -> None:
        """Raises StoreUnavailable."""
        ...

    async def close(self) -> None: ...

    async def write(self, change: Callable[[Connection], T], *, deadline_seconds: float | None = None) -> T:
        """Runs ``change`` in a transaction of its own: for small writes that are no booking, or large ones with time.

        Raises NotCommitted, OutcomeUnknown, and what ``change`` raised: SQLAlchemy's IntegrityError among it.
        """
        ...


def database_at(url: str, slow: SlowStatements | None = None) -> MysqlDatabase | SqliteDatabase:
    """Not yet opened; ``slow`` watches its statements. Raises ValueError for a URL that is none."""
    address = parse_address(url)
    if isinstance(address, SqliteAddress):
        return SqliteDatabase(address, slow=slow)
    return MysqlDatabase(address, slow=slow)
