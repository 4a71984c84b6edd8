"""`concert dead-letters`: what operators see of messages that were given up, in lines of text."""

import argparse
import getpass
from collections.abc import Iterator, Sequence
from uuid import UUID

from application.messaging.dead_letters import LARGEST_BATCH, DeadLetters, LetterOutcome, Selection
from application.ports.dead_letter_queue import DeadLetter, Decision, LetterFilter, LetterOrigin, LetterStatus
from domain.ids import DeadLetterId

ANY = "any"


class NotDone(ValueError):
    """Some letters stay as they are."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")
    listing = actions.add_parser("list", help="those that wait for a decision, oldest first")
    listing.add_argument("--status", choices=[*(status.value.lower() for status in LetterStatus), ANY], default=LetterStatus.OPEN.lower())
    listing.add_argument("--after", type=UUID, metavar="ID", help="go on behind this one")
    listing.add_argument("--limit", type=_limit, default=20)
    showing = actions.add_parser("show", help="all there is to know about one")
    showing.add_argument("ids", nargs=1, type=UUID, metavar="ID")
    redriving = actions.add_parser("redrive", help="send their messages on their way again")
    discarding = actions.add_parser("discard", help="give their messages up for good")
    for deciding in (redriving, discarding):
        deciding.add_argument("ids", nargs="*", type=UUID, metavar="ID", help="which; else the oldest open ones that pass the filter")
        deciding.add_argument("--limit", type=_limit, help=f"how many, at most {LARGEST_BATCH}")
        deciding.add_argument("--dry-run", action="store_true", help="only say what would be done")
        deciding.add_argument("--by", default=None, help="who decides; the name of the user who runs this if not given")
        deciding.add_argument("--note", required=deciding is discarding, default="", help="why; it is kept")
    for filtered in (listing, redriving, discarding):
        filtered.add_argument("--type", help="only messages of this type")
        filtered.add_argument("--origin", choices=[origin.value.lower() for origin in LetterOrigin])


async def carry_out(dead_letters: DeadLetters, arguments: argparse.Namespace) -> Sequence[str]:
    """The lines to print. Raises ValueError for what cannot be done, NotDone when it was done for some only."""
    match arguments.action:
        case "list":
            return await _list(dead_letters, arguments)
        case "show":
            letter = await dead_letters.show(DeadLetterId(arguments.ids[0]))
            if letter is None:
                raise ValueError(f"no dead letter {arguments.ids[0]}")
            return list(_described(letter))
        case _:
            return await _decide(dead_letters, arguments)


async def _list(dead_letters: DeadLetters, arguments: argparse.Namespace) -> Sequence[str]:
    status = None if arguments.status == ANY else LetterStatus(arguments.status.upper())
    page = await dead_letters.page(_filter(arguments, status), arguments.limit, arguments.after and DeadLetterId(arguments.after))
    lines = [_line(letter) for letter in page.items] or ["no dead letters"]
    return [*lines, f"more: --after {page.items[-1].id}"] if page.has_next else lines


async def _decide(dead_letters: DeadLetters, arguments: argparse.Namespace) -> Sequence[str]:
    if not (arguments.ids or arguments.limit or arguments.type or arguments.origin):
        raise ValueError("which? Name letters by id, or a --type, an --origin or a --limit")
    ids = tuple(DeadLetterId(letter_id) for letter_id in arguments.ids)
    if len(ids) > LARGEST_BATCH:
        raise ValueError(f"at most {LARGEST_BATCH} at once")
    selection = Selection(ids=ids, which=_filter(arguments, LetterStatus.OPEN), limit=len(ids) or arguments.limit or 100)
    decision = Decision(operator=arguments.by or getpass.getuser(), note=arguments.note)
    act = dead_letters.redrive if arguments.action == "redrive" else dead_letters.discard
    outcomes = await act(selection, decision, dry_run=arguments.dry_run)
    did = ("would be " if arguments.dry_run else "") + {"redrive": "redriven", "discard": "discarded"}[arguments.action]
    lines = [_outcome(outcome, did) for outcome in outcomes] or ["no dead letters"]
    if any(outcome.problem for outcome in outcomes):
        raise NotDone("some stay as they are\n" + "\n".join(lines))
    return lines


def _filter(arguments: argparse.Namespace, status: LetterStatus | None) -> LetterFilter:
    return LetterFilter(status=status, type=arguments.type, origin=LetterOrigin(arguments.origin.upper()) if arguments.origin else None)


def _limit(text: str) -> int:
    limit = int(text)
    if not 1 <= limit <= LARGEST_BATCH:
        raise ValueError
    return limit


def _line(letter: DeadLetter) -> str:
    message = letter.message
    what = f"{message.type} #{message.sequence} of {message.key}" if message else "unreadable"
    return f"{letter.id}  {letter.died_at:%Y-%m-%d %H:%M:%S}  {letter.status:9}  {letter.origin:8}  {what}  {letter.tries}x {letter.reason}"


def _outcome(outcome: LetterOutcome, did: str) -> str:
    what = "" if outcome.letter is None or outcome.letter.message is None else f"  {outcome.letter.message.type}"
    return f"{outcome.id}{what}  {f'stays: {outcome.problem}' if outcome.problem else did}"


def _described(letter: DeadLetter) -> Iterator[str]:
    yield _line(letter)
    if letter.position:
        yield f"position   {letter.position}"
    if message := letter.message:
        yield f"message    {message.id} version {message.version}, of {message.occurred_at.isoformat()}"
        yield f"payload    {message.payload}"
    if letter.excerpt is not None:
        yield f"begins     {letter.excerpt}"
    if end := letter.end:
        yield f"{letter.status.lower():9}  {end.at.isoformat()} by {end.decision.operator}: {end.decision.note or '(no note)'}"
