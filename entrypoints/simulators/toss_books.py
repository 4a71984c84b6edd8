"""What the simulated gateway remembers, in a SQLite file of its own that outlives any kill."""

import asyncio
import json
import secrets
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from entrypoints.simulators.toss_payment import APPROVED, OPEN, Payment, as_json, expire, read, sortable, write
from entrypoints.simulators.toss_webhook import IN_ORDER, WebhookSettings

T = TypeVar("T")

KEY_LIFETIME = timedelta(days=15)
LOCK_PATIENCE = 5.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS payments (id INTEGER PRIMARY KEY, payment_key TEXT NOT NULL UNIQUE, order_id TEXT NOT NULL, status TEXT NOT NULL,
  expires_at TEXT NOT NULL, amount INTEGER NOT NULL, balance INTEGER NOT NULL, content TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS ix_payments_order_id ON payments (order_id);
CREATE INDEX IF NOT EXISTS ix_payments_open ON payments (expires_at) WHERE status IN ('READY', 'IN_PROGRESS');
CREATE TABLE IF NOT EXISTS answers (key TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER NOT NULL,
  body BLOB NOT NULL, used_at TEXT NOT NULL, PRIMARY KEY (key, method, path)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ix_answers_used_at ON answers (used_at);
CREATE TABLE IF NOT EXISTS deliveries (id INTEGER PRIMARY KEY, transmission_id TEXT NOT NULL, url TEXT NOT NULL, body TEXT NOT NULL,
  retried INTEGER NOT NULL, due_at TEXT NOT NULL, state TEXT NOT NULL, statuses TEXT NOT NULL DEFAULT '[]');
CREATE INDEX IF NOT EXISTS ix_deliveries_due ON deliveries (due_at) WHERE state = 'WAITING';
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A webhook on its way. ``retried``: how often it was sent before."""

    id: int
    transmission_id: str
    url: str
    body: str
    retried: int
    due_at: str


class Page:
    """One transaction's view of the books."""

    def __init__(self, connection: sqlite3.Connection, now: datetime) -> None:
        self._connection = connection
        self.now = now
        self.queued: list[int] = []
        """The webhooks that this transaction put on their way."""

    def payment(self, payment_key: str) -> Payment | None:
        row = self._connection.execute("SELECT content FROM payments WHERE payment_key = ?", (payment_key,)).fetchone()
        return None if row is None else read(row[0])

    def payment_of(self, order_id: str) -> Payment | None:
        """The one that was approved, else the newest."""
        rows = self._connection.execute("SELECT content FROM payments WHERE order_id = ? ORDER BY id DESC", (order_id,)).fetchall()
        payments = [read(row[0]) for row in rows]
        return next((payment for payment in payments if payment.status in APPROVED), payments[0] if payments else None)

    def add(self, payment: Payment) -> None:
        values = (
            payment.payment_key,
            payment.order_id,
            payment.status,
            payment.expires_at,
            payment.amount,
            payment.balance,
            write(payment),
        )
        self._connection.execute(
            "INSERT INTO payments (payment_key, order_id, status, expires_at, amount, balance, content) VALUES (?, ?, ?, ?, ?, ?, ?)",
            values,
        )

    def change(self, payment: Payment) -> None:
        """The new state, and word of it."""
        self._connection.execute(
            "UPDATE payments SET status = ?, balance = ?, content = ? WHERE payment_key = ?",
            (payment.status, payment.balance, write(payment), payment.payment_key),
        )
        self._queue(payment)

    def expire_what_is_due(self) -> None:
        due = self._connection.execute(
            "SELECT content FROM payments WHERE status IN (?, ?) AND expires_at <= ?", (*OPEN, sortable(self.now))
        ).fetchall()
        for row in due:
            self.change(expire(read(row[0])))

    def payments(self, *, order_id: str | None, status: str | None, after: int, limit: int) -> Sequence[tuple[int, Payment]]:
        """Oldest first."""
        rows = self._connection.execute(
            "SELECT id, content FROM payments WHERE id > ? AND (? IS NULL OR order_id = ?) AND (? IS NULL OR status = ?)"
            " ORDER BY id LIMIT ?",
            (after, order_id, order_id, status, status, limit),
        )
        return [(row[0], read(row[1])) for row in rows]

    def totals(self) -> Mapping[str, int]:
        """Over everything. ``charges``: approved, ever; ``standing``: of those, with money still ours."""
        charges, charged, balance, standing = self._connection.execute(
            "SELECT count(*), coalesce(sum(amount), 0), coalesce(sum(balance), 0), coalesce(sum(balance > 0), 0)"
            " FROM payments WHERE status IN (?, ?, ?)",
            APPROVED,
        ).fetchone()
        return {"charges": charges, "standing": standing, "chargedWon": charged, "refundedWon": charged - balance, "standingWon": balance}

    def answer(self, key: str, method: str, path: str) -> tuple[int, bytes] | None:
        """The first answer under this key within its lifetime."""
        self._connection.execute("DELETE FROM answers WHERE used_at <= ?", (sortable(self.now - KEY_LIFETIME),))
        row = self._connection.execute(
            "SELECT status, body FROM answers WHERE key = ? AND method = ? AND path = ?", (key, method, path)
        ).fetchone()
        return None if row is None else (row[0], row[1])

    def keep_answer(self, key: str, method: str, path: str, status: int, body: bytes) -> None:
        self._connection.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)", (key, method, path, status, body, sortable(self.now)))

    def setting(self, name: str) -> Any:
        row = self._connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def set(self, name: str, value: Any) -> None:
        self._connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, json.dumps(value)))

    def webhook(self) -> WebhookSettings:
        return WebhookSettings.read(self.setting("webhook") or {})

    def set_webhook(self, settings: WebhookSettings) -> None:
        """What the old order kept back goes out now."""
        self.set("webhook", settings.as_json())
        self._connection.execute("UPDATE deliveries SET state = 'WAITING', due_at = ? WHERE state = 'HELD'", (sortable(self.now),))

    def due(self, limit: int) -> Sequence[Delivery]:
        rows = self._connection.execute(
            "SELECT id, transmission_id, url, body, retried, due_at FROM deliveries WHERE state = 'WAITING' AND due_at <= ?"
            " ORDER BY due_at, id LIMIT ?",
            (sortable(self.now), limit),
        )
        return [Delivery(id=row[0], transmission_id=row[1], url=row[2], body=row[3], retried=row[4], due_at=row[5]) for row in rows]

    def waiting(self) -> bool:
        return self._connection.execute("SELECT 1 FROM deliveries WHERE state = 'WAITING' LIMIT 1").fetchone() is not None

    def delivered(self, delivery: Delivery, status: int | None) -> None:
        """``status`` None: nobody answered. Anything but 200 is sent again, after the gaps of the settings, then given up."""
        gaps = self.webhook().resend_seconds
        state, due = ("DELIVERED", delivery.due_at) if status == 200 else ("FAILED", delivery.due_at)
        if status != 200 and delivery.retried < len(gaps):
            state, due = "WAITING", sortable(self.now + timedelta(seconds=gaps[delivery.retried]))
        self._connection.execute(
            "UPDATE deliveries SET state = ?, due_at = ?, retried = retried + ?, statuses = json_insert(statuses, '$[#]', ?) WHERE id = ?",
            (state, due, state == "WAITING", status, delivery.id),
        )

    def deliveries(self, limit: int) -> Sequence[Mapping[str, Any]]:
        """Newest first."""
        rows = self._connection.execute(
            "SELECT transmission_id, state, retried, statuses, json_extract(body, '$.data.orderId'), json_extract(body, '$.data.status')"
            " FROM deliveries ORDER BY id DESC LIMIT ?",
            (limit,),
        )
        names = ("transmissionId", "state", "retried", "statuses", "orderId", "status")
        return [dict(zip(names, row, strict=True)) | {"statuses": json.loads(row[3])} for row in rows]

    def _queue(self, payment: Payment) -> None:
        settings = self.webhook()
        if settings.url is None:
            return
        created = f"{self.now:%Y-%m-%dT%H:%M:%S.%f}"
        body = json.dumps({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": created, "data": as_json(payment)}, ensure_ascii=False)
        due = self.now + timedelta(seconds=settings.delay_seconds)
        # Out of order: each waits for the one that comes after it, and goes out behind it.
        held = self._connection.execute("SELECT id FROM deliveries WHERE state = 'HELD'").fetchall()
        state = "WAITING" if settings.order == IN_ORDER or held else "HELD"
        for (older,) in held:
            behind = sortable(due + timedelta(microseconds=1))
            self._connection.execute("UPDATE deliveries SET state = 'WAITING', due_at = ? WHERE id = ?", (behind, older))
            self.queued.append(older)
        transmission_id = f"whtrans_{secrets.token_hex(12)}"
        for copy in range(settings.copies):
            added = self._connection.execute(
                "INSERT INTO deliveries (transmission_id, url, body, retried, due_at, state) VALUES (?, ?, ?, ?, ?, ?)",
                (transmission_id, settings.url, body, copy, sortable(due), state),
            )
            if added.lastrowid is not None:
                self.queued.append(added.lastrowid)


class Books:
    """Opens its file at the first use, in a thread of its own. The clock may be put forward, and stays so."""

    def __init__(self, path: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = path
        self._now = now
        self._ahead = timedelta()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="toss")
        self._opened: sqlite3.Connection | None = None

    async def transaction(self, use: Callable[[Page], T]) -> T:
        """All of it or, where ``use`` raises, nothing."""

        def run() -> T:
            connection = self._connection()
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                page = Page(connection, self._now() + self._ahead)
                page.expire_what_is_due()
                return use(page)

        return await asyncio.wrap_future(self._thread.submit(run))

    async def put_clock_forward(self, ahead: timedelta) -> datetime:
        def put(page: Page) -> datetime:
            self._ahead += ahead
            page.set("ahead_seconds", self._ahead.total_seconds())
            return page.now + ahead

        return await self.transaction(put)

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

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._opened = sqlite3.connect(self._path, timeout=LOCK_PATIENCE, isolation_level=None, check_same_thread=False)
            # NORMAL: a killed process loses nothing; only a power cut may take the last moments.
            self._opened.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + _SCHEMA)
            self._ahead = timedelta(seconds=Page(self._opened, self._now()).setting("ahead_seconds") or 0)
        return self._opened
