"""The same payment as one would write it by hand on the bare driver: no domain, no mapper, no retry.

``OneByOne`` says what the use case says, one statement a kind of row. ``Terse`` is what is left when a good hand saves
every round trip that a single payment can save.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol
from uuid import UUID, uuid4

import aiomysql

from benchmarks.payment import statements as sql
from benchmarks.payment.house import CONCERT, PERFORMANCE, PLACE, Booking

_CONCERT = CONCERT.bytes
_SHOW = (CONCERT.bytes, PERFORMANCE.bytes)
Row = Sequence[Any]


class NotPayable(Exception):
    """The rows are not as a payment needs them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was read under the locks. ``show`` is title, venue and time; ``seats`` are id, section, row, number, grade."""

    now: datetime
    show: Row
    price: int
    balance: int
    sequence: int
    seats: Sequence[Row]


class Hand(Protocol):
    async def read(self, cursor: aiomysql.Cursor, booking: Booking) -> Found: ...

    async def update(self, cursor: aiomysql.Cursor, booking: Booking, payment: UUID, found: Found) -> None: ...


class ByHand:
    """Uses at most so many of the pool's connections at once."""

    def __init__(self, pool: aiomysql.Pool, hand: Hand, *, connections: int) -> None:
        self._pool = pool
        self._hand = hand
        self._free = asyncio.Semaphore(connections)

    async def pay(self, booking: Booking) -> None:
        payment = uuid4()
        async with self._free, self._pool.acquire() as connection:
            try:
                async with connection.cursor() as cursor:
                    found = await self._hand.read(cursor, booking)
                    await _insert(cursor, booking, payment, found)
                    await self._hand.update(cursor, booking, payment, found)
                await connection.commit()
            except BaseException:
                await connection.rollback()
                raise


class OneByOne:
    """6 reads, 5 inserts, 4 updates, COMMIT."""

    async def read(self, cursor: aiomysql.Cursor, booking: Booking) -> Found:
        user, reservation = booking.user_id.bytes, booking.reservation_id.bytes
        (show,) = await _rows(cursor, sql.SHOW, _SHOW)
        (buyer,) = await _rows(cursor, sql.BUYER, (_CONCERT, user))
        (held,) = await _rows(cursor, sql.RESERVATION, (*_SHOW, reservation))
        seats = await _rows(cursor, sql.SEATS, (*_SHOW, reservation))
        (account,) = await _rows(cursor, sql.ACCOUNT, (user,))
        earlier = await _rows(cursor, sql.EARLIER, (_CONCERT, user, str(booking.n)))
        now = show[7]
        _ensure_payable(show[0], buyer[:3], held[:3], account[0], [seat[5] for seat in seats], bool(earlier), now)
        return Found(now=now, show=show[1:4], price=held[0], balance=account[0], sequence=account[1], seats=seats)

    async def update(self, cursor: aiomysql.Cursor, booking: Booking, payment: UUID, found: Found) -> None:
        user = booking.user_id.bytes
        await cursor.execute(sql.SELL_SEATS, (found.now, *_SHOW, *(seat[0] for seat in found.seats)))
        await cursor.execute(sql.CONFIRM, (payment.bytes, *_SHOW, booking.reservation_id.bytes))
        await cursor.execute(sql.USE_PASS, (_CONCERT, user))
        await cursor.execute(sql.DEDUCT, (found.price, user))


class Terse:
    """1 read, 5 inserts, 1 update of four tables, COMMIT."""

    async def read(self, cursor: aiomysql.Cursor, booking: Booking) -> Found:
        user = booking.user_id.bytes
        rows = await _rows(cursor, sql.EVERYTHING, (user, user, user, str(booking.n), *_SHOW, booking.reservation_id.bytes))
        if not rows:
            raise NotPayable(booking)
        first = rows[0]
        now = first[13]
        _ensure_payable(first[0], first[4:7], first[7:10], first[10], [row[19] for row in rows], first[12] is not None, now)
        return Found(now=now, show=first[1:4], price=first[7], balance=first[10], sequence=first[11], seats=[row[14:19] for row in rows])

    async def update(self, cursor: aiomysql.Cursor, booking: Booking, payment: UUID, found: Found) -> None:
        user = booking.user_id.bytes
        seats = (*_SHOW, *(seat[0] for seat in found.seats))
        values = (found.now, payment.bytes, found.price, *seats, *_SHOW, booking.reservation_id.bytes, _CONCERT, user, user)
        await cursor.execute(sql.CHANGE_EVERYTHING, values)


def _ensure_payable(show: str, buyer: Row, reservation: Row, balance: int, seats: Sequence[str], repeated: bool, now: datetime) -> None:
    """The rules of a payment, as few as a hand would write. Raises NotPayable."""
    place, ended, deadline = buyer
    price, status, expires_at = reservation
    admitted = place == PLACE and ended is None and deadline > now
    held = status == "PENDING" and expires_at > now and list(seats) == ["HELD", "HELD"]
    if show != "ON_SALE" or not admitted or not held or balance < price or repeated:
        raise NotPayable


async def _insert(cursor: aiomysql.Cursor, booking: Booking, payment: UUID, found: Found) -> None:
    user, reservation, now = booking.user_id.bytes, booking.reservation_id.bytes, found.now
    await cursor.execute(sql.ADD_PAYMENT, (*_SHOW, payment.bytes, reservation, user, found.price, now, now))
    tickets = [(*_SHOW, uuid4().bytes, seat[0], reservation, payment.bytes, user, now) for seat in found.seats]
    await cursor.execute(sql.ADD_TICKETS, [value for ticket in tickets for value in ticket])
    entry = (user, found.sequence + 1, uuid4().bytes, -found.price, found.balance - found.price, payment.bytes, now)
    await cursor.execute(sql.ADD_LEDGER_ENTRY, entry)
    payload = _payload(booking, payment, found)
    await cursor.execute(sql.ADD_MESSAGE, (_CONCERT, uuid4().bytes, str(booking.reservation_id), now, payload))
    fingerprint = sha256(reservation).digest()
    await cursor.execute(sql.REMEMBER, (_CONCERT, user, str(booking.n), fingerprint, PERFORMANCE.bytes + payment.bytes, now))


def _payload(booking: Booking, payment: UUID, found: Found) -> str:
    title, venue, starts_at = found.show
    facts = {
        "reservationId": str(booking.reservation_id),
        "performanceId": str(PERFORMANCE),
        "concertId": str(CONCERT),
        "paymentId": str(payment),
        "userId": str(booking.user_id),
        "amount": found.price,
        "title": title,
        "venue": venue,
        "startsAt": starts_at.isoformat(),
        "seats": [{"section": seat[1], "row": seat[2], "number": seat[3], "grade": seat[4]} for seat in found.seats],
    }
    return json.dumps(facts, ensure_ascii=False)


async def _rows(cursor: aiomysql.Cursor, statement: str, values: Sequence[object]) -> Sequence[Row]:
    await cursor.execute(statement, values)
    rows: Sequence[Row] = await cursor.fetchall()
    return rows
