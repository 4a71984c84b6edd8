"""What operators can do about dead letters, and what they are kept from doing."""

from datetime import timedelta
from typing import Any

import pytest

from application.messaging.dead_letters import LARGEST_BATCH, REDRIVE_WITHIN, DeadLetters, LetterProblem, Selection
from application.ports.dead_letter_queue import DeadLetter, Decision, LetterEnd, LetterFilter, LetterOrigin, LetterStatus
from domain.ids import DeadLetterId
from tests.contracts.clocks import FixedClock
from tests.contracts.test_dead_letter_queue import a_letter as letter_of
from tests.contracts.test_dead_letter_queue import an_id
from tests.fakes.dead_letter_queue import MemoryDeadLetterQueue

BY = Decision(operator="operator", note="the broker's limit was raised")


class House:
    def __init__(self, *letters: DeadLetter) -> None:
        self.clock = FixedClock()
        self.queue = MemoryDeadLetterQueue(*letters, clock=self.clock)
        self.dead_letters = DeadLetters(self.queue, self.clock)

    def statuses(self) -> list[str]:
        return [letter.status.value for letter in self.queue.all]


def a_letter(number: int, **changes: Any) -> DeadLetter:
    return letter_of(number, **{"died_at": FixedClock().now()} | changes)


def chosen(*numbers: int) -> Selection:
    return Selection(ids=tuple(an_id(number) for number in numbers))


def problems(outcomes: Any) -> list[tuple[DeadLetterId, LetterProblem | None]]:
    return [(outcome.id, outcome.problem) for outcome in outcomes]


async def test_a_dry_run_says_what_would_be_done_and_does_nothing() -> None:
    house = House(a_letter(1), a_letter(2, message=None))
    for dry_run in (True, True, False):
        assert house.statuses() == ["OPEN", "OPEN"]
        outcomes = await house.dead_letters.redrive(chosen(2, 1), BY, dry_run=dry_run)
        assert problems(outcomes) == [(an_id(2), LetterProblem.UNREADABLE), (an_id(1), None)]
    assert house.statuses() == ["REDRIVEN", "OPEN"]
    assert house.queue.all[0].end == LetterEnd(decision=BY, at=house.clock.now())
    assert [message.id for message in house.queue.outbox] == [a_letter(1).message.id]  # type: ignore[union-attr]


async def test_a_batch_takes_the_oldest_that_pass_the_filter() -> None:
    house = House(a_letter(3), a_letter(1), a_letter(2, origin=LetterOrigin.OUTBOX), a_letter(4))
    selection = Selection(which=LetterFilter(origin=LetterOrigin.CONSUMER), limit=2)
    assert problems(await house.dead_letters.redrive(selection, BY, dry_run=False)) == [(an_id(1), None), (an_id(3), None)]
    assert problems(await house.dead_letters.redrive(selection, BY, dry_run=False)) == [(an_id(4), None)]
    assert await house.dead_letters.redrive(selection, BY, dry_run=False) == []
    assert house.statuses() == ["REDRIVEN", "REDRIVEN", "OPEN", "REDRIVEN"]


async def test_a_batch_has_an_end() -> None:
    house = House(*(a_letter(number) for number in range(LARGEST_BATCH + 1)))
    outcomes = await house.dead_letters.discard(Selection(limit=10**9), BY, dry_run=False)
    assert len(outcomes) == LARGEST_BATCH
    assert house.statuses().count("OPEN") == 1
    assert await house.dead_letters.discard(Selection(limit=-1), BY, dry_run=False) == []


async def test_each_problem_is_told() -> None:
    house = House(a_letter(1, status=LetterStatus.DISCARDED), a_letter(2, message=None), a_letter(3))
    outcomes = await house.dead_letters.redrive(chosen(1, 2, 3, 4, 3), BY, dry_run=False)
    assert problems(outcomes) == [
        (an_id(1), LetterProblem.NOT_OPEN),
        (an_id(2), LetterProblem.UNREADABLE),
        (an_id(3), None),
        (an_id(4), LetterProblem.NOT_FOUND),
    ]
    assert problems(await house.dead_letters.discard(chosen(1, 2, 4), BY, dry_run=False)) == [
        (an_id(1), LetterProblem.NOT_OPEN),
        (an_id(2), None),
        (an_id(4), LetterProblem.NOT_FOUND),
    ]


async def test_what_died_too_long_ago_can_only_be_discarded() -> None:
    house = House(a_letter(1), a_letter(2))
    house.clock.move(REDRIVE_WITHIN)
    assert problems(await house.dead_letters.redrive(chosen(1), BY, dry_run=False)) == [(an_id(1), None)]
    house.clock.move(timedelta(microseconds=1))
    assert problems(await house.dead_letters.redrive(chosen(2), BY, dry_run=False)) == [(an_id(2), LetterProblem.TOO_OLD)]
    assert house.statuses() == ["REDRIVEN", "OPEN"]
    assert problems(await house.dead_letters.discard(chosen(2), BY, dry_run=False)) == [(an_id(2), None)]


async def test_two_operators_at_once_decide_once() -> None:
    house = House(a_letter(1))

    class Slow(MemoryDeadLetterQueue):
        async def redrive(self, ids: Any, decision: Decision) -> Any:
            await house.queue.discard(ids, decision)
            return await house.queue.redrive(ids, decision)

    slow = DeadLetters(Slow(a_letter(1)), house.clock)
    assert problems(await slow.redrive(chosen(1), BY, dry_run=False)) == [(an_id(1), LetterProblem.NOT_OPEN)]
    assert house.statuses() == ["DISCARDED"]


@pytest.mark.parametrize("note", ["", "  \n"])
async def test_discarding_takes_a_note(note: str) -> None:
    house = House(a_letter(1))
    with pytest.raises(ValueError, match="note"):
        await house.dead_letters.discard(chosen(1), Decision(operator="operator", note=note), dry_run=True)
    assert house.statuses() == ["OPEN"]


async def test_letters_are_shown_and_listed() -> None:
    house = House(a_letter(1), a_letter(2))
    assert await house.dead_letters.show(an_id(2)) == a_letter(2)
    assert await house.dead_letters.show(an_id(3)) is None
    page = await house.dead_letters.page(LetterFilter(), 1, None)
    assert (page.items, page.has_next) == ((a_letter(1),), True)
