"""For operators: messages that were given up, and what is to become of them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from application.messaging.dead_letters import LARGEST_BATCH, LetterOutcome, LetterProblem, Selection
from application.ports.catalogue import Page
from application.ports.dead_letter_queue import DeadLetter as DomainLetter
from application.ports.dead_letter_queue import Decision, LetterFilter, LetterOrigin, LetterStatus
from domain.ids import DeadLetterId
from entrypoints.graphql import cursors
from entrypoints.graphql.context import Info
from entrypoints.graphql.fields import field, mutation
from entrypoints.graphql.problems import BadInput
from entrypoints.graphql.types.node import PageInfo, described
from entrypoints.graphql.types.person import MOST, After, First
from entrypoints.graphql.types.refusals import ServiceUnavailable

LONGEST_NOTE = 500
LONGEST_TYPE = 60

described(
    LetterStatus,
    "Whether somebody has decided on a dead letter.",
    OPEN="Nobody has.",
    REDRIVEN="Its message was sent on its way again.",
    DISCARDED="Its message will never be sent.",
)
described(
    LetterOrigin,
    "Who gave a message up.",
    OUTBOX="The relay: the broker refused it for what it is.",
    CONSUMER="A reader: it cannot be read, or handled.",
)
described(
    LetterProblem,
    "Why a dead letter stays as it is.",
    NOT_FOUND="There is none of this id.",
    NOT_OPEN="Somebody has decided on it already.",
    UNREADABLE="There is no message in it that could be sent: it can only be discarded.",
    TOO_OLD="It died too long ago to be redriven: readers may have forgotten what they had of it.",
)


@strawberry.type(description="A message that was given up. What an unreadable one does not tell is null.")
class DeadLetter:
    id: strawberry.ID = strawberry.field(description="A UUID, the same that `concert dead-letters` shows.")
    origin: LetterOrigin = strawberry.field(description="Who gave it up.")
    status: LetterStatus = strawberry.field(description="Whether somebody has decided on it.")
    reason: str = strawberry.field(description="Why it was given up.")
    tries: int = strawberry.field(description="How often it was tried.")
    died_at: datetime = strawberry.field(description="When it was given up.")
    type: str | None = strawberry.field(description="What kind of message it is.")
    message_id: str | None = strawberry.field(description="The message's id, by which readers know repeats.")
    key: str | None = strawberry.field(description="What the message is about; messages of one key are in order.")
    sequence: int | None = strawberry.field(description="Its number among the messages of its key.")
    occurred_at: datetime | None = strawberry.field(description="When it happened of what it tells.")
    payload: str | None = strawberry.field(description="What it says, as JSON.")
    position: str | None = strawberry.field(description="Topic, partition and offset, where a reader gave it up.")
    excerpt: str | None = strawberry.field(description="How an unreadable one begins.")
    ended_at: datetime | None = strawberry.field(description="When it was decided on.")
    ended_by: str | None = strawberry.field(description="Who decided.")
    note: str | None = strawberry.field(description="Why.")

    @classmethod
    def of(cls, letter: DomainLetter) -> "DeadLetter":
        message, end = letter.message, letter.end
        return cls(
            id=strawberry.ID(str(letter.id)),
            origin=letter.origin,
            status=letter.status,
            reason=letter.reason,
            tries=letter.tries,
            died_at=letter.died_at,
            type=message.type if message else None,
            message_id=str(message.id) if message else None,
            key=str(message.key) if message else None,
            sequence=message.sequence if message else None,
            occurred_at=message.occurred_at if message else None,
            payload=message.payload if message else None,
            position=letter.position,
            excerpt=letter.excerpt,
            ended_at=end.at if end else None,
            ended_by=end.decision.operator if end else None,
            note=end.decision.note if end else None,
        )


@strawberry.type(description="A dead letter in a list.")
class DeadLetterEdge:
    node: DeadLetter = strawberry.field(description="The letter.")
    cursor: str = strawberry.field(description="Where it stands in the list.")


@strawberry.type(description="A page of dead letters, oldest first.")
class DeadLetterConnection:
    edges: list[DeadLetterEdge] = strawberry.field(description="The letters of this page.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")

    @classmethod
    def of(cls, page: Page[DomainLetter], after: str | None) -> "DeadLetterConnection":
        edges = [DeadLetterEdge(node=DeadLetter.of(letter), cursor=cursors.of_uuid(letter.id)) for letter in page.items]
        return cls(edges=edges, page_info=PageInfo.of([edge.cursor for edge in edges], has_next=page.has_next, after=after))


@strawberry.input(description="Dead letters by id, or else the oldest that are open and pass the filter.")
class DeadLettersInput:
    ids: list[strawberry.ID] = strawberry.field(default_factory=list, description=f"Their ids, at most {LARGEST_BATCH}.")
    type: str | None = strawberry.field(default=strawberry.UNSET, description="Only messages of this type.")
    origin: LetterOrigin | None = strawberry.field(default=strawberry.UNSET, description="Only what this one gave up.")
    limit: int = strawberry.field(default=100, description=f"How many, at most {LARGEST_BATCH}.")
    note: str = strawberry.field(default="", description="Why; discarding takes one. It is kept, with the operator's id.")
    dry_run: bool = strawberry.field(default=True, description="Only say what would be done.")

    def selection(self) -> Selection:
        if len(self.ids) > LARGEST_BATCH:
            raise BadInput("ids", f"should be at most {LARGEST_BATCH}")
        if not 1 <= self.limit <= LARGEST_BATCH:
            raise BadInput("limit", f"should be 1 to {LARGEST_BATCH}")
        ids = tuple(_letter_id(text) for text in self.ids)
        return Selection(ids=ids, which=_filter(LetterStatus.OPEN, self.type, self.origin), limit=len(ids) or self.limit)

    def decision(self, info: Info, *, needs_note: bool) -> Decision:
        note = self.note.strip()
        if len(note) > LONGEST_NOTE or (needs_note and not note):
            raise BadInput("note", f"should have {1 if needs_note else 0} to {LONGEST_NOTE} characters")
        return Decision(operator=str(info.context.operator().user_id), note=note)


@strawberry.type(description="What was done with a dead letter, or would be.")
class DeadLetterOutcome:
    id: strawberry.ID = strawberry.field(description="The letter's id.")
    letter: DeadLetter | None = strawberry.field(description="The letter as it was before.")
    problem: LetterProblem | None = strawberry.field(description="Why it stays as it is; null if it does not.")

    @classmethod
    def of(cls, outcome: LetterOutcome) -> "DeadLetterOutcome":
        letter = DeadLetter.of(outcome.letter) if outcome.letter else None
        return cls(id=strawberry.ID(str(outcome.id)), letter=letter, problem=outcome.problem)


@strawberry.type(description="What was done with each dead letter.")
class DeadLettersDecided:
    dry_run: bool = strawberry.field(description="Whether nothing was done yet.")
    outcomes: list[DeadLetterOutcome] = strawberry.field(description="One for each letter that was named, or found.")


DecideDeadLettersResult = Annotated[
    DeadLettersDecided | ServiceUnavailable,
    strawberry.union("DecideDeadLettersResult", description="What the mutations on dead letters answer."),
]
DeadLettersArgument = Annotated[DeadLettersInput, strawberry.argument(description="Which, why, and whether in earnest.")]


@strawberry.type(description="For operators: messages.")
class MessageOperations:
    @field("Messages that were given up, oldest first.")
    async def dead_letters(
        self,
        info: Info,
        status: Annotated[LetterStatus | None, strawberry.argument(description="Null: any.")] = LetterStatus.OPEN,
        type: Annotated[str | None, strawberry.argument(description="Only messages of this type.")] = strawberry.UNSET,
        origin: Annotated[LetterOrigin | None, strawberry.argument(description="Only what this one gave up.")] = strawberry.UNSET,
        first: First = 20,
        after: After = strawberry.UNSET,
    ) -> DeadLetterConnection:
        size, behind = cursors.bounded(first, 20, MOST), cursors.read_uuid(after or None)
        which = _filter(status, type, origin)
        page = await info.context.use_cases.dead_letters.page(which, size, DeadLetterId(behind) if behind else None)
        return DeadLetterConnection.of(page, after or None)


@strawberry.type(description="What operators can ask for about messages.")
class OperatorMessageMutation:
    @mutation("For operators: sends messages that were given up on their way again. Says what it would do, unless `dryRun` is false.")
    async def redrive_dead_letters(self, info: Info, input: DeadLettersArgument) -> DecideDeadLettersResult:
        decision = input.decision(info, needs_note=False)
        outcomes = await info.context.use_cases.dead_letters.redrive(input.selection(), decision, dry_run=input.dry_run)
        return DeadLettersDecided(dry_run=input.dry_run, outcomes=[DeadLetterOutcome.of(outcome) for outcome in outcomes])

    @mutation("For operators: gives messages up for good. Says what it would do, unless `dryRun` is false.")
    async def discard_dead_letters(self, info: Info, input: DeadLettersArgument) -> DecideDeadLettersResult:
        decision = input.decision(info, needs_note=True)
        outcomes = await info.context.use_cases.dead_letters.discard(input.selection(), decision, dry_run=input.dry_run)
        return DeadLettersDecided(dry_run=input.dry_run, outcomes=[DeadLetterOutcome.of(outcome) for outcome in outcomes])


def _filter(status: LetterStatus | None, message_type: str | None, origin: LetterOrigin | None) -> LetterFilter:
    if message_type and len(message_type) > LONGEST_TYPE:
        raise BadInput("type", f"should have at most {LONGEST_TYPE} characters")
    return LetterFilter(status=status, type=message_type or None, origin=origin or None)


def _letter_id(text: str) -> DeadLetterId:
    try:
        return DeadLetterId(UUID(text))
    except ValueError:
        raise BadInput("ids", "is not the id of a dead letter") from None
