"""What operators do about messages that were given up."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from application.ports.catalogue import Page
from application.ports.clock import Clock
from application.ports.dead_letter_queue import DeadLetter, DeadLetterQueue, Decision, LetterFilter, LetterStatus
from domain.ids import DeadLetterId

REDRIVE_WITHIN = timedelta(days=14)
"""After its death. Later, what readers remember of the message might be gone (``INBOX_KEPT``), and it could take effect twice."""
LARGEST_BATCH = 500


class LetterProblem(StrEnum):
    """Why a letter stays as it is."""

    NOT_FOUND = "NOT_FOUND"
    NOT_OPEN = "NOT_OPEN"
    UNREADABLE = "UNREADABLE"
    TOO_OLD = "TOO_OLD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Letters by id, or, where none is named, the oldest that are open and pass the filter; at most ``limit``."""

    ids: tuple[DeadLetterId, ...] = ()
    which: LetterFilter = field(default_factory=LetterFilter)
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterOutcome:
    """``problem`` None: it was done, or, in a dry run, would be."""

    id: DeadLetterId
    letter: DeadLetter | None
    problem: LetterProblem | None


class DeadLetters:
    """List first, then a dry run, then the same without it."""

    def __init__(self, queue: DeadLetterQueue, clock: Clock) -> None:
        self._queue = queue
        self._clock = clock

    async def page(self, which: LetterFilter, first: int, after: DeadLetterId | None) -> Page[DeadLetter]:
        return await self._queue.letters(which, first, after)

    async def show(self, letter_id: DeadLetterId) -> DeadLetter | None:
        [letter] = await self._queue.letters_by_id([letter_id])
        return letter

    async def redrive(self, selection: Selection, decision: Decision, *, dry_run: bool) -> Sequence[LetterOutcome]:
        """They wait in the outbox again, as if never tried. Raises NotCommitted, OutcomeUnknown, StoreUnavailable."""
        return await self._decide(selection, self._why_not_redrive, lambda ids: self._queue.redrive(ids, decision), dry_run)

    async def discard(self, selection: Selection, decision: Decision, *, dry_run: bool) -> Sequence[LetterOutcome]:
        """They will never be sent. Raises NotCommitted, OutcomeUnknown, StoreUnavailable; ValueError without a note."""
        if not decision.note.strip():
            raise ValueError("a note says why it is discarded")
        return await self._decide(selection, _why_not_end, lambda ids: self._queue.discard(ids, decision), dry_run)

    async def _decide(
        self,
        selection: Selection,
        why_not: Callable[[DeadLetter], LetterProblem | None],
        carry_out: Callable[[Sequence[DeadLetterId]], Awaitable[Sequence[DeadLetterId]]],
        dry_run: bool,
    ) -> Sequence[LetterOutcome]:
        selected = await self._selected(selection)
        problems = {letter_id: why_not(letter) if letter else LetterProblem.NOT_FOUND for letter_id, letter in selected}
        fit = [letter_id for letter_id, problem in problems.items() if problem is None]
        if fit and not dry_run:
            done = set(await carry_out(fit))
            problems |= {letter_id: LetterProblem.NOT_OPEN for letter_id in fit if letter_id not in done}
        return [LetterOutcome(id=letter_id, letter=letter, problem=problems[letter_id]) for letter_id, letter in selected]

    async def _selected(self, selection: Selection) -> Sequence[tuple[DeadLetterId, DeadLetter | None]]:
        limit = max(0, min(selection.limit, LARGEST_BATCH))
        if selection.ids:
            ids = list(dict.fromkeys(selection.ids))[:limit]
            return list(zip(ids, await self._queue.letters_by_id(ids), strict=True))
        page = await self._queue.letters(selection.which, limit, None)
        return [(letter.id, letter) for letter in page.items]

    def _why_not_redrive(self, letter: DeadLetter) -> LetterProblem | None:
        if problem := _why_not_end(letter):
            return problem
        if letter.message is None:
            return LetterProblem.UNREADABLE
        return LetterProblem.TOO_OLD if letter.died_at + REDRIVE_WITHIN < self._clock.now() else None


def _why_not_end(letter: DeadLetter) -> LetterProblem | None:
    return None if letter.status is LetterStatus.OPEN else LetterProblem.NOT_OPEN
