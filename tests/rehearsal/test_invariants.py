"""Each invariant holds for a good sale, and finds the violation that is planted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from entrypoints.rehearsal.evidence import SOLD, Account, Admission, Booking, Evidence, FanRecord, Joining, MapSeat, SoldTicket
from entrypoints.rehearsal.invariants import judge

OPENED = datetime(2030, 1, 1, tzinfo=UTC)
PRICE = 50_000
BEFORE = 1_000_000


def broken(evidence: Evidence) -> dict[str, tuple[str, ...]]:
    return {verdict.invariant: verdict.violations for verdict in judge(evidence) if not verdict.holds}


def buyer(index: int) -> FanRecord:
    """Bought the seat of their own index, as the index-th in line."""
    ticket = SoldTicket(code=f"code-{index}", seat_id=f"seat-{index}")
    booking = Booking(id=f"booking-{index}", status="CONFIRMED", total_price=PRICE, seat_ids=(ticket.seat_id,), tickets=(ticket,))
    return FanRecord(
        index=index,
        outcome=SOLD,
        joining=Joining(number=f"1-{index}", sent_at=index, answered_at=index + 0.5),
        numbers={f"1-{index}"},
        last_waiting=OPENED + timedelta(seconds=index),
        admission=Admission(as_of=OPENED + timedelta(seconds=index), expires_at=OPENED + timedelta(seconds=600 + index)),
        points_before=BEFORE,
        handed_codes=frozenset({ticket.code}),
        payments=[f"payment-{index}"],
        account=Account(points=BEFORE - PRICE, bookings=(booking,), ledger=(BEFORE, -PRICE)),
    )


def account_of(fan: FanRecord) -> Account:
    assert fan.account is not None
    return fan.account


@pytest.fixture
def fans() -> list[FanRecord]:
    return [buyer(index) for index in range(12)]


@pytest.fixture
def sale(fans: list[FanRecord]) -> Evidence:
    seats = {f"seat-{index}": MapSeat(status="SOLD", price=PRICE) for index in range(12)}
    return Evidence(fans=fans, seat_map={**seats, "seat-free": MapSeat(status="AVAILABLE", price=PRICE)})


def test_a_good_sale(sale: Evidence) -> None:
    assert broken(sale) == {}


def test_a_cancelled_purchase_is_good(sale: Evidence, fans: list[FanRecord]) -> None:
    account = account_of(fans[3])
    cancelled = replace(account.bookings[0], status="CANCELLED", tickets=())
    fans[3].account = Account(points=BEFORE, bookings=(cancelled,), ledger=(BEFORE, -PRICE, PRICE))
    fans[3].outcome = "bought, and cancelled"
    seat_map = {**sale.seat_map, "seat-3": MapSeat(status="AVAILABLE", price=PRICE)}
    assert broken(Evidence(fans=fans, seat_map=seat_map)) == {}


def test_a_seat_on_two_tickets(sale: Evidence, fans: list[FanRecord]) -> None:
    booking = replace(account_of(fans[1]).bookings[0], seat_ids=("seat-0",), tickets=(SoldTicket(code="code-1", seat_id="seat-0"),))
    fans[1].account = replace(account_of(fans[1]), bookings=(booking,))
    found = broken(sale)
    assert found["no seat twice"] == ("seat seat-0 is on 2 tickets",)
    assert found["the seat map tells the same"] == ("seat seat-1 is sold, and nobody has a ticket for it",)


def test_a_ticket_code_given_out_twice(sale: Evidence, fans: list[FanRecord]) -> None:
    booking = replace(account_of(fans[1]).bookings[0], tickets=(SoldTicket(code="code-0", seat_id="seat-1"),))
    fans[1].account = replace(account_of(fans[1]), bookings=(booking,))
    fans[1].handed_codes = frozenset({"code-0"})
    assert broken(sale) == {"no seat twice": ("ticket code code-0 was given out 2 times",)}


def test_points_that_left_for_nothing(sale: Evidence, fans: list[FanRecord]) -> None:
    fans[2].account = replace(account_of(fans[2]), points=BEFORE - 2 * PRICE, ledger=(BEFORE, -PRICE, -PRICE))
    assert broken(sale) == {"money conserved": ("fan 2 spent 100000 for reservations of 50000",)}


def test_seats_for_nothing(sale: Evidence, fans: list[FanRecord]) -> None:
    fans[2].account = replace(account_of(fans[2]), points=BEFORE, ledger=(BEFORE,))
    assert broken(sale) == {"money conserved": ("fan 2 spent 0 for reservations of 50000",)}


def test_a_ledger_that_tells_something_else(sale: Evidence, fans: list[FanRecord]) -> None:
    fans[2].account = replace(account_of(fans[2]), ledger=(BEFORE,))
    assert broken(sale) == {"money conserved": ("fan 2 has 950000 points, and a ledger that sums to 1000000",)}


def test_a_price_unlike_the_seats(sale: Evidence, fans: list[FanRecord]) -> None:
    booking = replace(account_of(fans[2]).bookings[0], total_price=1)
    fans[2].account = Account(points=BEFORE - 1, bookings=(booking,), ledger=(BEFORE, -1))
    assert broken(sale) == {"money conserved": ("reservation booking-2 cost 1 for seats of 50000",)}


def test_a_paid_seat_without_ticket(sale: Evidence, fans: list[FanRecord]) -> None:
    booking = replace(account_of(fans[4]).bookings[0], seat_ids=("seat-4", "seat-free"), total_price=2 * PRICE)
    fans[4].account = Account(points=BEFORE - 2 * PRICE, bookings=(booking,), ledger=(BEFORE, -2 * PRICE))
    assert broken(sale) == {"one ticket a paid seat": ("reservation booking-4: 1 tickets for 2 seats, or for others",)}


def test_other_tickets_than_those_handed_over(sale: Evidence, fans: list[FanRecord]) -> None:
    fans[4].handed_codes = frozenset({"code-4", "code-99"})
    assert broken(sale) == {"one ticket a paid seat": ("fan 4 was handed 2 tickets and owns 1, or others",)}


def test_sold_but_nothing_owned(sale: Evidence, fans: list[FanRecord]) -> None:
    fans[4].account = Account(points=BEFORE, bookings=(), ledger=(BEFORE,))
    assert broken(sale) == {
        "one ticket a paid seat": ("fan 4 was handed 1 tickets and owns 0, or others",),
        "the seat map tells the same": ("seat seat-4 is sold, and nobody has a ticket for it",),
    }


def test_a_ticket_for_a_seat_that_is_free(sale: Evidence, fans: list[FanRecord]) -> None:
    seat_map = {**sale.seat_map, "seat-5": MapSeat(status="AVAILABLE", price=PRICE)}
    found = broken(Evidence(fans=fans, seat_map=seat_map))
    assert found == {"the seat map tells the same": ("seat seat-5 is on a ticket, and not sold",)}


def test_two_payments_for_one_key(sale: Evidence, fans: list[FanRecord]) -> None:
    fans[6].payments = ["payment-6", "payment-6", "payment-66"]
    assert broken(sale) == {"one payment a key": ("fan 6 got 2 payments for one key",)}


def test_numbers_that_change(sale: Evidence, fans: list[FanRecord]) -> None:
    fans[7].numbers = {"1-7", "2-1"}
    assert broken(sale) == {"queue order kept": ("fan 7 had the numbers 1-7, 2-1",)}


def test_a_number_before_those_who_came_earlier(sale: Evidence, fans: list[FanRecord]) -> None:
    fans[8].joining = Joining(number="1-7", sent_at=20.0, answered_at=20.5)
    fans[8].numbers = {"1-7"}
    assert broken(sale) == {"queue order kept": ("fan 8 came after fan 11, and stands before them",)}


def test_who_asked_at_the_same_time_may_stand_either_way(sale: Evidence, fans: list[FanRecord]) -> None:
    for fan in fans:
        assert fan.joining is not None
        fan.joining = replace(fan.joining, sent_at=100 - fan.index, answered_at=100.0)
    assert broken(sale) == {}


def test_admitted_before_those_ahead(sale: Evidence, fans: list[FanRecord]) -> None:
    fans[9].admission = admission(4)
    assert broken(sale) == {
        "queue order kept": tuple(f"fan 9 was admitted 0:00:0{n - 4} before fan {n}, who stood ahead" for n in (6, 7, 8))
    }


def admission(second: float, expires: float | None = None) -> Admission:
    expires = second if expires is None else expires
    return Admission(as_of=OPENED + timedelta(seconds=second), expires_at=OPENED + timedelta(seconds=600 + expires))


def test_within_a_tick_the_order_of_the_news_proves_nothing(sale: Evidence, fans: list[FanRecord]) -> None:
    fans[9].admission = admission(7.1)
    assert broken(sale) == {}


def test_late_news_of_an_early_admission(sale: Evidence, fans: list[FanRecord]) -> None:
    """The pass of the one ahead was good from an earlier moment: they were told late, not admitted late."""
    fans[5].admission = admission(30, expires=5)
    assert broken(sale) == {}


def test_without_an_end_of_the_pass_the_news_count(sale: Evidence, fans: list[FanRecord]) -> None:
    fans[5].admission = Admission(as_of=OPENED + timedelta(seconds=10), expires_at=None)
    assert broken(sale) == {"queue order kept": ("fan 6 was admitted 0:00:04 before fan 5, who stood ahead",)}


def test_never_admitted_while_those_behind_are(sale: Evidence, fans: list[FanRecord]) -> None:
    fans[5].admission = None
    fans[5].last_waiting = OPENED + timedelta(seconds=60)
    assert broken(sale)["queue order kept"] == ("fan 6 was admitted 0:00:54 before fan 5, who stood ahead",)


def test_left_before_those_behind_were_admitted(sale: Evidence, fans: list[FanRecord]) -> None:
    fans[5].admission = None
    fans[5].last_waiting = OPENED + timedelta(seconds=3)
    assert broken(sale) == {}


def test_an_interrupted_fan_waited_as_long_as_they_were_told_so(sale: Evidence, fans: list[FanRecord]) -> None:
    fans[5].interrupted = True
    fans[5].admission = admission(50)
    assert broken(sale) == {}
    fans[5].last_waiting = OPENED + timedelta(seconds=49)
    assert broken(sale) == {"queue order kept": ("fan 6 was admitted 0:00:43 before fan 5, who stood ahead",)}


def test_numbers_compare_as_numbers(sale: Evidence, fans: list[FanRecord]) -> None:
    """ "1-10" stands behind "1-9", and epoch 2 behind epoch 1; the fans above rely on the former."""
    fans[10].joining = Joining(number="2-0", sent_at=10.0, answered_at=10.5)
    fans[11].joining = Joining(number="10-0", sent_at=11.0, answered_at=11.5)
    assert broken(sale) == {}


def test_a_fan_stopped_by_a_fault(sale: Evidence, fans: list[FanRecord]) -> None:
    fans[3].fault = "TimeoutError"
    assert broken(sale) == {"every fan came to an end": ("fan 3: TimeoutError",)}


def test_an_account_that_could_not_be_read(sale: Evidence, fans: list[FanRecord]) -> None:
    fans[3].account = None
    assert broken(sale)["every fan came to an end"] == ("fan 3: the account could not be read",)
