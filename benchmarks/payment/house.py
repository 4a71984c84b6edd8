"""A full house of held seats, each pair waiting to be paid for: what the benchmark consumes."""

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from tests.servers.databases import connect

CONCERT = UUID(int=0xC0 << 120)
PERFORMANCE = UUID(int=0xD0 << 120)
PRICE = 50_000
SEATS_EACH = 2
BALANCE = 1_000_000
PLACE = 1 << 40
"""Everyone's pass is for the first place of epoch 1: nobody compares them."""
_RESERVATIONS, _SEATS = 0x0A << 120, 0x0B << 120


@dataclass(frozen=True, slots=True)
class Booking:
    """The n-th person's two held seats. Ids of people are scattered, ids of bookings rise, as they do in use."""

    n: int

    @property
    def user_id(self) -> UUID:
        return UUID(bytes=sha256(b"fan-%d" % self.n).digest()[:16])

    @property
    def reservation_id(self) -> UUID:
        return UUID(int=_RESERVATIONS + self.n)

    @property
    def price(self) -> int:
        return SEATS_EACH * PRICE


# Made by the server itself, so that a hundred thousand rows take seconds. The ids are those of Booking.
_USER = "UNHEX(LEFT(SHA2(CONCAT('fan-', n), 256), 32))"
_RESERVATION = "UNHEX(CONCAT('0A', LPAD(HEX(n), 30, '0')))"
_SEAT = "UNHEX(CONCAT('0B', LPAD(HEX(2 * n + place), 30, '0')))"
_BOTH_PLACES = "numbers, (SELECT 0 AS place UNION ALL SELECT 1) AS places"
_STATEMENTS = (
    """
    INSERT INTO concerts (concert_id, title, artist, queue_opens_at, sales_open_at, sales_close_at, purchase_limit)
    VALUES (%(concert)s, 'Benchmark', 'The Clocks', %(opened)s, %(opened)s, %(ends)s, 4)""",
    """
    INSERT INTO performances (concert_id, performance_id, venue, starts_at, status)
    VALUES (%(concert)s, %(performance)s, 'Hall', %(ends)s, 'ON_SALE')""",
    f"""
    INSERT INTO buyers (concert_id, user_id, pass_place, first_deadline, deadline, highest_spent_place, held, bought,
    open_performance_id, open_reservation_id, open_hold_until)
    SELECT %(concert)s, {_USER}, %(place)s, %(ends)s, %(ends)s, %(place)s, 2, 0, %(performance)s, {_RESERVATION}, %(ends)s FROM numbers""",
    f"""
    INSERT INTO reservations (concert_id, performance_id, reservation_id, user_id, total_price, status, expires_at, pass_place,
    created_at, sequence)
    SELECT %(concert)s, %(performance)s, {_RESERVATION}, {_USER}, 2 * %(price)s, 'PENDING', %(ends)s, %(place)s, %(opened)s, 0
    FROM numbers""",
    f"""
    INSERT INTO reservation_seats (concert_id, performance_id, reservation_id, seat_id, position)
    SELECT %(concert)s, %(performance)s, {_RESERVATION}, {_SEAT}, place FROM {_BOTH_PLACES}""",
    f"""
    INSERT INTO seats (concert_id, performance_id, seat_id, section, `row`, number, grade, price, status, reservation_id, held_until,
    changed_at)
    SELECT %(concert)s, %(performance)s, {_SEAT}, 'Floor', CONCAT(n), place + 1, 'R', %(price)s, 'HELD', {_RESERVATION}, %(ends)s,
    %(opened)s FROM {_BOTH_PLACES}""",
    f"INSERT INTO point_accounts (user_id, balance, sequence) SELECT {_USER}, %(balance)s, 0 FROM numbers",
)


def fill(url: str, bookings: int) -> None:
    """So many bookings to pay for, in a migrated and empty database."""
    now = datetime.now(UTC).replace(tzinfo=None)
    facts = {
        "concert": CONCERT.bytes,
        "performance": PERFORMANCE.bytes,
        "opened": now - timedelta(hours=1),
        "ends": now + timedelta(days=1),
        "place": PLACE,
        "price": PRICE,
        "balance": BALANCE,
    }
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE numbers (n INT PRIMARY KEY)")
        cursor.execute("SET SESSION cte_max_recursion_depth = %s", (bookings,))
        cursor.execute(
            "INSERT INTO numbers WITH RECURSIVE counted (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n + 1 < %s) "
            "SELECT n FROM counted",
            (bookings,),
        )
        for statement in _STATEMENTS:
            cursor.execute(statement, facts)


class BooksDoNotBalance(Exception):
    """The two sides did not write the same rows, so their figures cannot be compared."""


def audit(url: str, paid: int) -> None:
    """Each payment left exactly its rows, whoever made it. Raises BooksDoNotBalance."""
    expected = {
        "SELECT COUNT(*) FROM payments WHERE status = 'COMPLETED' AND points_amount = 100000 AND paid_at IS NOT NULL": paid,
        "SELECT COUNT(*) FROM tickets WHERE live = 1": SEATS_EACH * paid,
        "SELECT COUNT(*) FROM point_ledger WHERE amount = -100000 AND balance_after = 900000": paid,
        "SELECT COUNT(*) FROM outbox_messages WHERE status = 'PENDING' AND sequence = 1": paid,
        "SELECT COUNT(*) FROM idempotency_records WHERE operation = 'pay'": paid,
        "SELECT COUNT(*) FROM reservations WHERE status = 'CONFIRMED' AND payment_id IS NOT NULL AND sequence = 1": paid,
        "SELECT COUNT(*) FROM seats WHERE status = 'SOLD' AND held_until IS NULL": SEATS_EACH * paid,
        "SELECT COUNT(*) FROM buyers WHERE bought = 2 AND held = 0 AND ended = 'USED' AND open_reservation_id IS NULL": paid,
        "SELECT COUNT(*) FROM point_accounts WHERE balance = 900000 AND sequence = 1": paid,
    }
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        for question, count in expected.items():
            cursor.execute(question)
            found = cursor.fetchone()
            if found != (count,):
                raise BooksDoNotBalance(f"{question}: {found}, not {count}")
