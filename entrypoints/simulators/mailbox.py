"""What the simulated providers have taken, in a SQLite file of its own that outlives any kill."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

KEY_LIFETIME = timedelta(minutes=10)
"""As long as NHN Cloud knows a repeat by its idempotency key."""
LOCK_PATIENCE = 5.0
SENT_ON_BY_DEALER = "RSC04"


class Kind(StrEnum):
    ALIMTALK = "ALIMTALK"
    SMS = "SMS"
    LMS = "LMS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """``delivered`` False: taken by the provider, and not shown on the phone. ``resend_status`` is AlimTalk's.

    No ``result_code``: there is no result yet.
    """

    kind: str
    request_id: str
    recipient_seq: int
    phone: str
    title: str
    text: str
    template: str
    grouping_key: str
    delivered: bool
    result_code: str
    resend_status: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """None: anything."""

    kinds: tuple[Kind, ...] = tuple(Kind)
    request_id: str | None = None
    grouping_key: str | None = None
    phone: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100


_COLUMNS = ", ".join(field.name for field in fields(Mail))
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS mails (id INTEGER PRIMARY KEY, {_COLUMNS});
CREATE INDEX IF NOT EXISTS ix_mails_grouping_key ON mails (grouping_key);
CREATE INDEX IF NOT EXISTS ix_mails_request_id ON mails (request_id);
CREATE TABLE IF NOT EXISTS idempotency_keys (key TEXT PRIMARY KEY, used_at TEXT NOT NULL) WITHOUT ROWID;
"""
_INSERT = f"INSERT INTO mails ({_COLUMNS}) VALUES ({', '.join('?' for _ in fields(Mail))})"


class Mailbox:
    """Opens its file at the first use, in a thread of its own. ``now`` tells when an idempotency key is forgotten."""

    def __init__(self, path: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = path
        self.now = now
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mailbox")
        self._opened: sqlite3.Connection | None = None

    async def accept(self, mails: Sequence[Mail], idempotency_key: str | None = None) -> bool:
        """All of them, for good. False, and nothing taken, if the key was used within its lifetime."""
        now = self.now()

        def write(connection: sqlite3.Connection) -> bool:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("DELETE FROM idempotency_keys WHERE used_at <= ?", (_text(now - KEY_LIFETIME),))
                if idempotency_key is not None:
                    used = connection.execute("INSERT OR IGNORE INTO idempotency_keys VALUES (?, ?)", (idempotency_key, _text(now)))
                    if used.rowcount == 0:
                        return False
                connection.executemany(_INSERT, [_row(mail) for mail in mails])
                return True

        return await self._in_thread(write)

    async def settle(self, grouping_key: str, *, delivered: bool, result_code: str, resend_status: str = "RSC01") -> int:
        """The result of what was taken under this key; returns of how many. RSC04: the dealer's text message stands in."""

        def write(connection: sqlite3.Connection) -> int:
            with connection:
                mails = _found(connection, Search(grouping_key=grouping_key))
                result = (delivered, result_code, resend_status, grouping_key)
                connection.execute("UPDATE mails SET delivered = ?, result_code = ?, resend_status = ? WHERE grouping_key = ?", result)
                if resend_status == SENT_ON_BY_DEALER:
                    stand_ins = [replace(mail, kind=Kind.LMS, delivered=True, grouping_key="", template="") for mail in mails]
                    connection.executemany(_INSERT, [_row(mail) for mail in stand_ins])
                return len(mails)

        return await self._in_thread(write)

    async def search(self, what: Search) -> Sequence[Mail]:
        """Newest first."""
        return await self._in_thread(lambda connection: _found(connection, what))

    async def close(self) -> None:
        """May be called more than once; nothing else may be called afterwards."""

        def close() -> None:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

        try:
            closing = self._thread.submit(close)
        except RuntimeError:
            return
        await asyncio.wrap_future(closing)
        self._thread.shutdown()

    async def _in_thread(self, use: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.wrap_future(self._thread.submit(lambda: use(self._connection())))

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            self._opened = _open(self._path)
        return self._opened


def read_mailbox(path: Path, limit: int = 20, phone: str | None = None) -> Sequence[Mail]:
    """The newest mails, read beside whoever writes; none where there is no file yet."""
    if not path.exists():
        return ()
    connection = _open(path)
    try:
        return _found(connection, Search(limit=limit, phone=phone))
    finally:
        connection.close()


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=LOCK_PATIENCE, isolation_level=None, check_same_thread=False)
    # NORMAL: a killed process loses nothing; only a power cut may take the last moments.
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + _SCHEMA)
    return connection


def _found(connection: sqlite3.Connection, what: Search) -> Sequence[Mail]:
    conditions = {
        "request_id = ?": what.request_id,
        "grouping_key = ?": what.grouping_key,
        "phone = ?": what.phone,
        "created_at >= ?": what.since and _text(what.since),
        "created_at <= ?": what.until and _text(what.until),
    }
    asked = {condition: value for condition, value in conditions.items() if value is not None}
    kinds = ", ".join("?" for _ in what.kinds)
    where = " AND ".join([f"kind IN ({kinds})", *asked])
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM mails WHERE {where} ORDER BY id DESC LIMIT ?", (*what.kinds, *asked.values(), what.limit)
    )
    return [_mail(row) for row in rows]


def _row(mail: Mail) -> tuple[object, ...]:
    return (*astuple(mail)[:-1], _text(mail.created_at))


def _mail(row: tuple[object, ...]) -> Mail:
    values = dict(zip((field.name for field in fields(Mail)), row, strict=True))
    values |= {"delivered": bool(values["delivered"]), "created_at": datetime.fromisoformat(str(values["created_at"]))}
    return Mail(**values)  # type: ignore[arg-type]


def _text(moment: datetime) -> str:
    """Of one width, so that texts compare as their moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
