"""What must be true of any sale, however busy it was, judged by what the fans themselves saw."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from types import MappingProxyType

from entrypoints.rehearsal.evidence import SOLD, Admission, Evidence, FanRecord

TOLERANCE = timedelta(seconds=2)
"""Admissions are told once a tick of at most a second, to one socket after another: nearer than this proves nothing."""

Number = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An invariant, and each way in which it was found broken."""

    invariant: str
    violations: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.violations


def judge(evidence: Evidence) -> list[Verdict]:
    return [Verdict(invariant=name, violations=tuple(find(evidence))) for name, find in INVARIANTS.items()]


def seats_sold_twice(evidence: Evidence) -> Iterator[str]:
    """Over all fans' tickets, each seat and each ticket code occurs once."""
    for seat_id, times in Counter(ticket.seat_id for ticket in evidence.tickets).items():
        if times > 1:
            yield f"seat {seat_id} is on {times} tickets"
    for code, times in Counter(ticket.code for ticket in evidence.tickets).items():
        if times > 1:
            yield f"ticket code {code} was given out {times} times"


def money_lost_or_made(evidence: Evidence) -> Iterator[str]:
    """What left a fan's account is the price of what they own, to the won, and the ledger says the same."""
    for fan, account in evidence.accounts:
        spent = (fan.points_before or 0) - account.points
        owed = sum(booking.total_price for booking in account.paid)
        if fan.points_before is not None and spent != owed:
            yield f"fan {fan.index} spent {spent} for reservations of {owed}"
        if sum(account.ledger) != account.points:
            yield f"fan {fan.index} has {account.points} points, and a ledger that sums to {sum(account.ledger)}"
        for booking in account.paid:
            prices = sum(evidence.seat_map[seat_id].price for seat_id in booking.seat_ids if seat_id in evidence.seat_map)
            if prices != booking.total_price:
                yield f"reservation {booking.id} cost {booking.total_price} for seats of {prices}"


def tickets_unlike_seats(evidence: Evidence) -> Iterator[str]:
    """A paid reservation has one ticket for each of its seats, those that were handed over when it was paid."""
    for fan, account in evidence.accounts:
        for booking in account.paid:
            if sorted(ticket.seat_id for ticket in booking.tickets) != sorted(booking.seat_ids):
                yield f"reservation {booking.id}: {len(booking.tickets)} tickets for {len(booking.seat_ids)} seats, or for others"
        owned = {ticket.code for booking in account.paid for ticket in booking.tickets}
        if fan.outcome == SOLD and (not owned or owned != fan.handed_codes):
            yield f"fan {fan.index} was handed {len(fan.handed_codes)} tickets and owns {len(owned)}, or others"


def map_unlike_tickets(evidence: Evidence) -> Iterator[str]:
    """The seats that the map calls SOLD are those on somebody's ticket."""
    sold = {seat_id for seat_id, seat in evidence.seat_map.items() if seat.status == "SOLD"}
    ticketed = {ticket.seat_id for ticket in evidence.tickets}
    for seat_id in sorted(sold - ticketed):
        yield f"seat {seat_id} is sold, and nobody has a ticket for it"
    for seat_id in sorted(ticketed - sold):
        yield f"seat {seat_id} is on a ticket, and not sold"


def paid_more_than_once(evidence: Evidence) -> Iterator[str]:
    """However often one idempotency key was sent, it made one payment."""
    for fan in evidence.fans:
        if len(set(fan.payments)) > 1:
            yield f"fan {fan.index} got {len(set(fan.payments))} payments for one key"


def queue_order_broken(evidence: Evidence) -> Iterator[str]:
    """People are numbered in the order they came, keep their number, and are admitted in the order of numbers."""
    for fan in evidence.fans:
        if len(fan.numbers) > 1:
            yield f"fan {fan.index} had the numbers {', '.join(sorted(fan.numbers))}"
    yield from _numbered_out_of_turn(evidence)
    yield from _admitted_out_of_turn(evidence)


def unfinished(evidence: Evidence) -> Iterator[str]:
    """Every fan came to an end of the flow, and their account could be read: what was not seen cannot be vouched for."""
    for fan in evidence.fans:
        if fan.fault is not None:
            yield f"fan {fan.index}: {fan.fault}"
        elif fan.account is None and fan.points_before is not None:
            yield f"fan {fan.index}: the account could not be read"


def _numbered_out_of_turn(evidence: Evidence) -> Iterator[str]:
    """Who asked only after another had their number in hand stands behind them; of those who overlapped either may be first."""
    joined = [(fan, fan.joining, _number(fan)) for fan in evidence.fans if fan.joining is not None]
    answered = sorted((joining.answered_at, number, fan.index) for fan, joining, number in joined)
    moments = [moment for moment, _, _ in answered]
    highest: list[tuple[Number, int]] = []
    for _, number, index in answered:
        highest.append(max(highest[-1], (number, index)) if highest else (number, index))
    for fan, joining, number in joined:
        before = bisect_left(moments, joining.sent_at)
        if before and highest[before - 1][0] > number:
            yield f"fan {fan.index} came after fan {highest[before - 1][1]}, and stands before them"


def _admitted_out_of_turn(evidence: Evidence) -> Iterator[str]:
    """Nobody is admitted while someone with an earlier number waits on.

    A fan waits until the ``asOf`` of their first ACTIVE. It is the moment at which the server read that it was so, not
    the one at which it became so: it lies up to a tick later, and more where the server is late with its news. Hence
    - a fan was passed over only if one with a later number was ACTIVE at least TOLERANCE earlier,
    - and, where both passes say until when they are good (all passes of a concert last equally long), only if theirs
      ends later as well: news that came late are no disorder.
    Who left, or was never admitted, counts up to their last WAITING: so long they did wait. Of a fan whose socket broke
    meanwhile nothing else is sure either, since the ACTIVE they saw may be old.
    """
    admitted = sorted(
        ((_number(fan), fan, fan.admission) for fan in evidence.fans if fan.joining is not None and fan.admission is not None),
        key=lambda one: one[0],
    )
    numbers = [number for number, _, _ in admitted]
    # From each on, the earliest admission: most fans were passed over by nobody, which one look tells.
    earliest = list(accumulate((admission.as_of for _, _, admission in reversed(admitted)), min))[::-1]
    for fan in evidence.fans:
        moment = _waited_until(fan)
        behind = bisect_right(numbers, _number(fan))
        if moment is None or behind == len(admitted) or moment - earliest[behind] < TOLERANCE:
            continue
        for _, other, admission in admitted[behind:]:
            if moment - admission.as_of >= TOLERANCE and not _ends_later(admission, fan.admission):
                yield f"fan {other.index} was admitted {moment - admission.as_of} before fan {fan.index}, who stood ahead"
                break


def _waited_until(fan: FanRecord) -> datetime | None:
    if fan.joining is None:
        return None
    if fan.admission is not None and not fan.interrupted:
        return fan.admission.as_of
    return fan.last_waiting


def _ends_later(admission: Admission, of_the_earlier: Admission | None) -> bool:
    """Whether the passes prove that the later number was not admitted first."""
    if of_the_earlier is None or of_the_earlier.expires_at is None or admission.expires_at is None:
        return False
    return admission.expires_at >= of_the_earlier.expires_at


def _number(fan: FanRecord) -> Number:
    """Numbers of a queue in order of arrival are digits with separators, and compare part by part."""
    return tuple(int(part) for part in re.findall(r"\d+", fan.joining.number)) if fan.joining else ()


INVARIANTS: Mapping[str, Callable[[Evidence], Iterator[str]]] = MappingProxyType(
    {
        "no seat twice": seats_sold_twice,
        "money conserved": money_lost_or_made,
        "one ticket a paid seat": tickets_unlike_seats,
        "the seat map tells the same": map_unlike_tickets,
        "one payment a key": paid_more_than_once,
        "queue order kept": queue_order_broken,
        "every fan came to an end": unfinished,
    }
)
