"""What is written everywhere, read at once, and what must be true of it."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Table, select

from adapters.sql import core_tables as tables
from adapters.sql.database import Database
from entrypoints.simulators.together import MAILBOX, TOSS_BOOKS

ORDERS_AT_ONCE = 500
OPEN_PAYMENTS = ("REQUESTED", "IN_DOUBT", "CANCELLING")


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """``charges``: order id → how often the gateway charged for it, and what of that stands (won). ``mails``: by notification."""

    rows: Mapping[str, list[Any]]
    charges: Mapping[str, tuple[int, int]]
    mails: Mapping[str, int]

    @property
    def open_work(self) -> list[str]:
        """What somebody still has to do."""
        rows = self.rows
        return [
            *(f"errand {row.kind} {row.next_step} {row.note}" for row in rows["gateway_errands"] if row.state == "OPEN"),
            *(f"message {row.type} {row.last_fault}" for row in rows["outbox_messages"] if row.status in ("PENDING", "RETRYING")),
            *(f"notification {row.template} {row.last_fault}" for row in rows["notifications"] if row.status == "PENDING"),
            *(f"payment {row.status}" for row in rows["payments"] if row.status in OPEN_PAYMENTS),
            *(f"top-up {row.status}" for row in rows["top_ups"] if row.status in OPEN_PAYMENTS),
            *(f"reservation {row.status}" for row in rows["reservations"] if row.status == "CANCELLING"),
            *(f"message {row.type} has not arrived" for row in self._unheard()),
        ]

    def violations(self) -> list[str]:
        """Empty in a sound world, whatever is still open in it."""
        return [*self._money(), *self._charges(), *self._seats(), *self._buyers(), *self._messages()]

    def standing(self) -> int:
        """Won, at the gateway."""
        return sum(left for _, left in self.charges.values())

    def balance(self, user_id: UUID) -> int:
        return next((row.balance for row in self.rows["point_accounts"] if row.user_id == user_id), 0)

    def statuses(self, kind: str) -> Mapping[str, int]:
        return dict(Counter(row.status for row in self.rows[kind]))

    def live_tickets(self) -> int:
        return sum(row.live == 1 for row in self.rows["tickets"])

    def _unheard(self) -> list[Any]:
        heard = {row.message_id for row in self.rows["inbox"]}
        return [row for row in self.rows["outbox_messages"] if row.status == "PUBLISHED" and row.id not in heard]

    def _money(self) -> Iterable[str]:
        sums: Counter[UUID] = Counter()
        by_source: Counter[UUID] = Counter()
        for entry in self.rows["point_ledger"]:
            sums[entry.user_id] += entry.amount
            by_source[entry.source] += entry.amount
        for account in self.rows["point_accounts"]:
            if account.balance != sums[account.user_id]:
                yield f"balance {account.balance} of {account.user_id}, entries of {sums[account.user_id]}"
        for payment in self.rows["payments"]:
            if payment.status in OPEN_PAYMENTS:
                continue
            expected = -payment.points_amount if payment.status == "COMPLETED" else 0
            if by_source[payment.payment_id] != expected:
                yield f"points of a {payment.status} payment: {by_source[payment.payment_id]} instead of {expected}"
        for top_up in self.rows["top_ups"]:
            expected = top_up.amount if top_up.status == "COMPLETED" else 0
            if by_source[top_up.top_up_id] != expected:
                yield f"points of a {top_up.status} top-up: {by_source[top_up.top_up_id]} instead of {expected}"

    def _charges(self) -> Iterable[str]:
        """What stands at the gateway is what was bought, to the won, once the gateway is not asked about it any more."""
        bought: Counter[str] = Counter()
        for payment in self.rows["payments"]:
            if payment.order_id and payment.status == "COMPLETED":
                bought[payment.order_id] += payment.card_amount
        for top_up in self.rows["top_ups"]:
            if top_up.status == "COMPLETED":
                bought[top_up.order_id] += top_up.amount
        open_orders = {row.order_id for kind in ("payments", "top_ups") for row in self.rows[kind] if row.status in OPEN_PAYMENTS}
        for order_id in {*bought, *self.charges} - open_orders:
            count, standing = self.charges.get(order_id, (0, 0))
            if standing != bought[order_id]:
                yield f"{standing} won stand at the gateway for {bought[order_id]} won bought ({order_id})"
            if count > 1:
                yield f"charged {count} times ({order_id})"
        if manual := [row.note for row in self.rows["gateway_errands"] if row.state == "MANUAL"]:
            yield f"handed to a person: {manual}"

    def _seats(self) -> Iterable[str]:
        reservations = {row.reservation_id: row for row in self.rows["reservations"]}
        seats_of: dict[UUID, set[UUID]] = defaultdict(set)
        for row in self.rows["reservation_seats"]:
            seats_of[row.reservation_id].add(row.seat_id)
        standing = Counter(row.reservation_id for row in self.rows["payments"] if row.status == "COMPLETED")
        live: dict[UUID, list[UUID]] = defaultdict(list)
        for ticket in self.rows["tickets"]:
            if ticket.live == 1:
                live[ticket.reservation_id].append(ticket.seat_id)
        for reservation_id, row in reservations.items():
            paid = row.status == "CONFIRMED"
            if standing[reservation_id] != paid:
                yield f"{standing[reservation_id]} standing payments of a {row.status} reservation"
            if sorted(live[reservation_id]) != sorted(seats_of[reservation_id] if paid else ()):
                yield f"{len(live[reservation_id])} tickets of a {row.status} reservation of {len(seats_of[reservation_id])} seats"
        owner = {seat: key for key, row in reservations.items() if row.status in ("PENDING", "CONFIRMED") for seat in seats_of[key]}
        for seat in self.rows["seats"]:
            held_by = reservations.get(owner.get(seat.seat_id, UUID(int=0)))
            expected = ("AVAILABLE", None) if held_by is None else _seat_under(held_by)
            if (seat.status, seat.reservation_id) != expected:
                yield f"a seat is {seat.status} instead of {expected[0]}"
            if held_by is not None and held_by.status == "PENDING" and seat.held_until != held_by.expires_at:
                yield "a seat is held until another moment than its reservation says"

    def _buyers(self) -> Iterable[str]:
        held: Counter[tuple[UUID, UUID]] = Counter()
        bought: Counter[tuple[UUID, UUID]] = Counter()
        owners = {row.reservation_id: row for row in self.rows["reservations"]}
        for row in self.rows["reservation_seats"]:
            reservation = owners[row.reservation_id]
            held[reservation.concert_id, reservation.user_id] += reservation.status == "PENDING"
            bought[reservation.concert_id, reservation.user_id] += reservation.status in ("CONFIRMED", "CANCELLING")
        for buyer in self.rows["buyers"]:
            key = (buyer.concert_id, buyer.user_id)
            if (buyer.held, buyer.bought) != (held[key], bought[key]):
                yield f"a buyer counts {buyer.held} held and {buyer.bought} bought seats instead of {held[key]} and {bought[key]}"

    def _messages(self) -> Iterable[str]:
        """Each event is told once, to one phone; nothing died on the way."""
        sequences: dict[UUID, list[int]] = defaultdict(list)
        for message in self.rows["outbox_messages"]:
            sequences[message.aggregateid].append(message.sequence)
            if message.status == "DEAD":
                yield f"a dead message: {message.last_fault}"
        for told in sequences.values():
            if sorted(told) != list(range(1, len(told) + 1)):
                yield f"messages numbered {sorted(told)}"
        notified = Counter(row.event for row in self.rows["notifications"])
        heard = {row.message_id for row in self.rows["inbox"]}
        for message in self.rows["outbox_messages"]:
            if notified[message.id] != (message.id in heard):
                yield f"{notified[message.id]} notifications of one {message.type}"
        for row in self.rows["notifications"]:
            seen = self.mails.get(str(row.notification_id), 0)
            if seen > 1 or (row.status == "SENT" and seen != 1) or row.status in ("FAILED", "UNDELIVERABLE"):
                yield f"{seen} messages on the phone of a notification that is {row.status} ({row.last_fault})"
        if self.rows["dead_letters"]:
            yield f"{len(self.rows['dead_letters'])} dead letters"


def _seat_under(reservation: Any) -> tuple[str, UUID]:
    return ("SOLD" if reservation.status == "CONFIRMED" else "HELD", reservation.reservation_id)


KINDS: Mapping[str, Table] = {
    table.name: table
    for table in (
        tables.RESERVATIONS,
        tables.RESERVATION_SEATS,
        tables.SEATS,
        tables.BUYERS,
        tables.PAYMENTS,
        tables.TICKETS,
        tables.POINT_ACCOUNTS,
        tables.POINT_LEDGER,
        tables.OUTBOX_MESSAGES,
        tables.INBOX,
        tables.NOTIFICATIONS,
        tables.DEAD_LETTERS,
        tables.PAYMENT_ORDERS,
        tables.TOP_UPS,
        tables.GATEWAY_ERRANDS,
    )
}


async def read_books(database: Database, providers: Path) -> Books:
    """``providers``: the folder of the simulated gateway's and notification provider's own books."""
    rows = await database.write(lambda connection: {name: list(connection.execute(select(table))) for name, table in KINDS.items()})
    orders = [row.order_id for kind in ("gateway_errands", "payments", "top_ups") for row in rows[kind] if row.order_id]
    return Books(
        rows=rows,
        charges=charges_of(providers / TOSS_BOOKS, orders),
        mails=mails_of(providers / MAILBOX, [str(row.notification_id) for row in rows["notifications"]]),
    )


def charges_of(path: Path, orders: Iterable[str]) -> Mapping[str, tuple[int, int]]:
    found = _found(
        path,
        "SELECT order_id, count(*), sum(balance) FROM payments WHERE status IN ('DONE', 'PARTIAL_CANCELED', 'CANCELED') AND order_id IN",
        "GROUP BY order_id",
        orders,
    )
    return {order_id: (count, standing) for order_id, count, standing in found}


def mails_of(path: Path, notifications: Iterable[str]) -> Mapping[str, int]:
    return dict(_found(path, "SELECT grouping_key, count(*) FROM mails WHERE grouping_key IN", "GROUP BY grouping_key", notifications))


def _found(path: Path, query: str, behind: str, keys: Iterable[str]) -> list[Any]:
    listed, found = sorted(set(keys)), []
    if not path.exists():
        return []
    with closing(sqlite3.connect(path, timeout=5)) as connection:
        for first in range(0, len(listed), ORDERS_AT_ONCE):
            some = listed[first : first + ORDERS_AT_ONCE]
            found += connection.execute(f"{query} ({', '.join('?' for _ in some)}) {behind}", some).fetchall()
    return found
