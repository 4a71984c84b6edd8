"""For operators: the catalogue, the queues' levers, and how the system is doing. Takes the role `operator`."""

from datetime import UTC, datetime
from typing import Annotated

import strawberry

from application.catalogue.create_concert import MAXIMUM_SEATS, CreateConcertCommand, PerformancePlan
from domain.concert import Section, Venue
from domain.concert_queue import ConcertQueue
from domain.errors import ConcertNotFound as DomainConcertNotFound
from domain.ids import ConcertId
from domain.money import Won
from entrypoints.graphql import ids
from entrypoints.graphql.context import Context, Info
from entrypoints.graphql.fields import field, mutation
from entrypoints.graphql.operator_messages import MessageOperations, OperatorMessageMutation
from entrypoints.graphql.operator_payments import OperatorPaymentMutation, PaymentOperations
from entrypoints.graphql.problems import BadInput
from entrypoints.graphql.types.catalogue import Concert
from entrypoints.graphql.types.refusals import ConcertNotFound, ServiceUnavailable

MOST_PERFORMANCES = 100
MOST_SECTIONS = 100
MOST_ROWS = 1_000
MOST_CAPACITY = 1_000_000
MOST_RATE = 100_000
DEAREST = 100_000_000
LONGEST_TEXT = 200


def _text(text: str, argument: str) -> str:
    if not text.strip() or len(text) > LONGEST_TEXT:
        raise BadInput(argument, f"should have 1 to {LONGEST_TEXT} characters")
    return text.strip()


def _number(number: int, argument: str, least: int, most: int) -> int:
    if not least <= number <= most:
        raise BadInput(argument, f"should be {least} to {most}")
    return number


def _moment(moment: datetime, argument: str) -> datetime:
    if moment.tzinfo is None:
        raise BadInput(argument, "needs an offset, as in 2026-11-23T20:00:00+09:00")
    return moment.astimezone(UTC)


@strawberry.input(description="A block of equal rows.")
class SectionInput:
    name: str = strawberry.field(description="The section's name.")
    rows: int = strawberry.field(description="How many rows.")
    seats_per_row: int = strawberry.field(description="How many seats in each.")
    grade: str = strawberry.field(description="The grade of all its seats.")
    price: int = strawberry.field(description="The price of each of its seats, in won.")

    def section(self) -> Section:
        return Section(
            name=_text(self.name, "sections.name"),
            rows=_number(self.rows, "sections.rows", 1, MOST_ROWS),
            seats_per_row=_number(self.seats_per_row, "sections.seatsPerRow", 1, MOST_ROWS),
            grade=_text(self.grade, "sections.grade"),
            price=Won(_number(self.price, "sections.price", 0, DEAREST)),
        )


@strawberry.input(description="One evening, with the hall it takes place in.")
class PerformanceInput:
    venue: str = strawberry.field(description="The hall's name.")
    starts_at: datetime = strawberry.field(description="When the show starts.")
    sections: list[SectionInput] = strawberry.field(description="The hall's sections, front to back.")

    def plan(self) -> PerformancePlan:
        if not 1 <= len(self.sections) <= MOST_SECTIONS:
            raise BadInput("sections", f"should be 1 to {MOST_SECTIONS}")
        venue = Venue(name=_text(self.venue, "venue"), sections=tuple(section.section() for section in self.sections))
        return PerformancePlan(venue=venue, starts_at=_moment(self.starts_at, "startsAt"))


@strawberry.input(description="A concert to put on sale, with all of its seats.")
class CreateConcertInput:
    title: str = strawberry.field(description="The title.")
    artist: str = strawberry.field(description="Who performs.")
    queue_opens_at: datetime = strawberry.field(description="From when people may gather.")
    sales_open_at: datetime = strawberry.field(description="From when people are admitted.")
    sales_close_at: datetime = strawberry.field(description="From when nothing is sold any more.")
    performances: list[PerformanceInput] = strawberry.field(description="Its evenings.")
    purchase_limit: int = strawberry.field(default=4, description="Seats a person may hold and own.")
    capacity: int = strawberry.field(default=500, description="How many people may book at once.")
    rate: int = strawberry.field(default=50, description="How many people are admitted in a second, at most.")

    def command(self) -> CreateConcertCommand:
        if not 1 <= len(self.performances) <= MOST_PERFORMANCES:
            raise BadInput("performances", f"should be 1 to {MOST_PERFORMANCES}")
        plans = tuple(performance.plan() for performance in self.performances)
        if sum(plan.venue.size for plan in plans) > MAXIMUM_SEATS:
            raise BadInput("performances", f"should have {MAXIMUM_SEATS} seats together, at most")
        opens, sells, closes = (
            _moment(self.queue_opens_at, "queueOpensAt"),
            _moment(self.sales_open_at, "salesOpenAt"),
            _moment(self.sales_close_at, "salesCloseAt"),
        )
        if not opens <= sells < closes:
            raise BadInput("salesOpenAt", "should lie between queueOpensAt and salesCloseAt")
        return CreateConcertCommand(
            title=_text(self.title, "title"),
            artist=_text(self.artist, "artist"),
            queue_opens_at=opens,
            sales_open_at=sells,
            sales_close_at=closes,
            performances=plans,
            purchase_limit=_number(self.purchase_limit, "purchaseLimit", 1, 20),
            capacity=_number(self.capacity, "capacity", 1, MOST_CAPACITY),
            rate=_number(self.rate, "rate", 1, MOST_RATE),
        )


@strawberry.input(description="The levers of a concert's queue; what is not given stays.")
class QueueLeversInput:
    concert_id: strawberry.ID = strawberry.field(description="The concert.")
    capacity: int | None = strawberry.field(default=strawberry.UNSET, description="How many people may book at once.")
    rate: int | None = strawberry.field(default=strawberry.UNSET, description="How many people are admitted in a second, at most.")


@strawberry.type(description="The concert is on sale.")
class CreateConcertSuccess:
    concert: Concert = strawberry.field(description="The concert.")


@strawberry.type(description="What operators have set a concert's queue to.")
class QueueLevers:
    concert_id: strawberry.ID = strawberry.field(description="The concert.")
    status: str = strawberry.field(description="OPEN, PAUSED or CLOSED.")
    capacity: int = strawberry.field(description="How many people may book at once.")
    rate: int = strawberry.field(description="How many people are admitted in a second, at most.")

    @classmethod
    def of(cls, queue: ConcertQueue) -> "QueueLevers":
        return cls(concert_id=ids.concert_id(queue.concert_id), status=queue.status.value, capacity=queue.capacity, rate=queue.rate)


CreateConcertResult = Annotated[
    CreateConcertSuccess | ServiceUnavailable, strawberry.union("CreateConcertResult", description="What `createConcert` answers.")
]
OperateQueueResult = Annotated[
    QueueLevers | ConcertNotFound | ServiceUnavailable,
    strawberry.union("OperateQueueResult", description="What the mutations on a concert's queue answer."),
]


@strawberry.type(description="Whether a server that this process needs answers.")
class ServerHealth:
    server: str = strawberry.field(description="The server's name.")
    answers: bool = strawberry.field(description="Whether it answered just now.")


@strawberry.type(description="For operators: how the system is doing.")
class Operations(PaymentOperations, MessageOperations):
    @field("The servers this process needs, asked just now.")
    async def servers(self, info: Info) -> list[ServerHealth]:
        readiness = await info.context.use_cases.health()
        return [ServerHealth(server=server, answers=answers) for server, answers in readiness.servers.items()]

    @field("How many messages are not published yet.")
    async def outbox_backlog(self, info: Info) -> int:
        return await info.context.services.outbox.backlog()


ConcertArgument = Annotated[strawberry.ID, strawberry.argument(description="The concert.")]


@strawberry.type(description="What operators can ask for.")
class OperatorMutation(OperatorPaymentMutation, OperatorMessageMutation):
    @mutation("For operators: puts a concert on sale, with all of its seats.")
    async def create_concert(
        self, info: Info, input: Annotated[CreateConcertInput, strawberry.argument(description="What is asked for.")]
    ) -> CreateConcertResult:
        info.context.operator()
        concert_id = await info.context.use_cases.create_concert(input.command())
        return CreateConcertSuccess(concert=await _concert(info.context, concert_id))

    @mutation("For operators: nobody is admitted until it is resumed; everyone keeps their place.")
    async def pause_queue(self, info: Info, concert_id: ConcertArgument) -> OperateQueueResult:
        info.context.operator()
        return QueueLevers.of(await info.context.use_cases.operate_queue.pause(ids.read_concert(concert_id, "concertId")))

    @mutation("For operators: goes on admitting.")
    async def resume_queue(self, info: Info, concert_id: ConcertArgument) -> OperateQueueResult:
        info.context.operator()
        return QueueLevers.of(await info.context.use_cases.operate_queue.resume(ids.read_concert(concert_id, "concertId")))

    @mutation("For operators: nobody is admitted any more, for good.")
    async def close_queue(self, info: Info, concert_id: ConcertArgument) -> OperateQueueResult:
        info.context.operator()
        return QueueLevers.of(await info.context.use_cases.operate_queue.close(ids.read_concert(concert_id, "concertId")))

    @mutation("For operators: how many people book at once, and how fast they are admitted.")
    async def set_queue_levers(
        self, info: Info, input: Annotated[QueueLeversInput, strawberry.argument(description="What is asked for.")]
    ) -> OperateQueueResult:
        info.context.operator()
        concert_id = ids.read_concert(input.concert_id, "concertId")
        capacity = _number(input.capacity, "capacity", 1, MOST_CAPACITY) if input.capacity else None
        rate = _number(input.rate, "rate", 1, MOST_RATE) if input.rate else None
        return QueueLevers.of(await info.context.use_cases.operate_queue.set_levers(concert_id, capacity=capacity, rate=rate))


async def _concert(context: Context, concert_id: ConcertId) -> Concert:
    concert = await context.loaders.concerts.load(concert_id)
    if concert is None:
        raise DomainConcertNotFound
    return Concert.of(concert)
