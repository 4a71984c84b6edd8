"""Dead letters in memory."""

from collections.abc import Sequence
from dataclasses import replace

from application.ports.catalogue import Page
from application.ports.clock import Clock
from application.ports.dead_letter_queue import DeadLetter, Decision, LetterEnd, LetterFilter, LetterStatus
from domain.ids import DeadLetterId
from domain.message import OutboxMessage
from tests.contracts.clocks import FixedClock


class MemoryDeadLetterQueue:
    """``outbox``: what was redriven."""

    def __init__(self, *letters: DeadLetter, clock: Clock | None = None) -> None:
        self.all: list[DeadLetter] = list(letters)
        self.outbox: list[OutboxMessage] = []
        self._clock = clock or FixedClock()

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        known = {letter.position for letter in self.all}
        self.all += [letter for letter in letters if letter.position not in known]

    async def letters(self, which: LetterFilter, first: int, after: DeadLetterId | None) -> Page[DeadLetter]:
        found = sorted((letter for letter in self.all if _passes(letter, which)), key=lambda letter: letter.id)
        behind = [letter for letter in found if after is None or letter.id > after]
        return Page(items=tuple(behind[:first]), has_next=len(behind) > first)

    async def letters_by_id(self, ids: Sequence[DeadLetterId]) -> Sequence[DeadLetter | None]:
        by_id = {letter.id: letter for letter in self.all}
        return [by_id.get(letter_id) for letter_id in ids]

    async def redrive(self, ids: Sequence[DeadLetterId], decision: Decision) -> Sequence[DeadLetterId]:
        readable = [letter.id for letter in self.all if letter.id in ids and letter.message]
        ended = self._end(readable, LetterStatus.REDRIVEN, decision)
        self.outbox += [letter.message for letter in self.all if letter.id in ended and letter.message]
        return ended

    async def discard(self, ids: Sequence[DeadLetterId], decision: Decision) -> Sequence[DeadLetterId]:
        return self._end(ids, LetterStatus.DISCARDED, decision)

    def _end(self, ids: Sequence[DeadLetterId], status: LetterStatus, decision: Decision) -> list[DeadLetterId]:
        ended = [letter.id for letter in self.all if letter.id in ids and letter.status is LetterStatus.OPEN]
        end = LetterEnd(decision=decision, at=self._clock.now())
        self.all = [replace(letter, status=status, end=end) if letter.id in ended else letter for letter in self.all]
        return ended


def _passes(letter: DeadLetter, which: LetterFilter) -> bool:
    message_type = letter.message.type if letter.message else None
    asked = ((which.status, letter.status), (which.type, message_type), (which.origin, letter.origin))
    return all(wanted is None or wanted == given for wanted, given in asked)
