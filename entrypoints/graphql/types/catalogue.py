"""Concerts, their performances and seats."""

from datetime import datetime
from typing import Annotated

import strawberry

from application.ports.catalogue import GradeAvailability as DomainGrade
from application.ports.catalogue import Page, SeatFilter
from domain import concert as domain_concert
from domain import seat as domain_seat
from domain.ids import ConcertId
from domain.seat import SeatStatus
from entrypoints.graphql import cursors, ids
from entrypoints.graphql.context import Info
from entrypoints.graphql.fields import field
from entrypoints.graphql.types.node import Node, PageInfo, described
from entrypoints.graphql.types.queue import QueueStatus

MOST_SEATS = 500

described(
    SeatStatus,
    "Whether a seat can be had.",
    AVAILABLE="Free, a hold that has run out included.",
    HELD="Held by somebody who has not paid yet.",
    SOLD="Sold.",
)


@strawberry.type(description="A numbered place at a performance.")
class Seat(Node):
    section: str = strawberry.field(description="The block of the hall.")
    row: str = strawberry.field(description="The row within the section.")
    number: int = strawberry.field(description="The number within the row.")
    grade: str = strawberry.field(description="The grade, which the price follows.")
    price: int = strawberry.field(description="In won.")
    status: SeatStatus = strawberry.field(description="Whether it can be had.")

    @classmethod
    def of(cls, seat: domain_seat.Seat, now: datetime) -> "Seat":
        return cls(
            id=ids.node_id(seat.id),
            section=seat.section,
            row=seat.row,
            number=seat.number,
            grade=seat.grade,
            price=seat.price,
            status=seat.status_at(now),
        )


@strawberry.type(description="A seat in a list.")
class SeatEdge:
    node: Seat = strawberry.field(description="The seat.")
    cursor: str = strawberry.field(description="Where it stands in the list.")


@strawberry.type(description="A page of seats, in the order of the hall.")
class SeatConnection:
    edges: list[SeatEdge] = strawberry.field(description="The seats of this page.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")
    changes_cursor: str = strawberry.field(description="From where `seatChanges` goes on.")

    @classmethod
    def of(cls, page: Page[domain_seat.Seat], after: str | None, now: datetime) -> "SeatConnection":
        """``now`` was taken before the page was read."""
        edges = [SeatEdge(node=Seat.of(seat, now), cursor=cursors.of_uuid(seat.id.seat)) for seat in page.items]
        page_info = PageInfo.of([edge.cursor for edge in edges], has_next=page.has_next, after=after)
        return cls(edges=edges, page_info=page_info, changes_cursor=cursors.of_moment(now))


@strawberry.type(description="What a performance has left of one grade.")
class GradeAvailability:
    grade: str = strawberry.field(description="The grade.")
    price: int = strawberry.field(description="In won.")
    total: int = strawberry.field(description="How many seats there are.")
    available: int = strawberry.field(description="How many of them can be had.")

    @classmethod
    def of(cls, grade: DomainGrade) -> "GradeAvailability":
        return cls(grade=grade.grade, price=grade.price, total=grade.total, available=grade.available)


@strawberry.type(description="One evening of a concert.")
class Performance(Node):
    source: strawberry.Private[domain_concert.Performance]
    venue: str = strawberry.field(description="Where it takes place.")
    starts_at: datetime = strawberry.field(description="When the show starts.")

    @classmethod
    def of(cls, performance: domain_concert.Performance) -> "Performance":
        return cls(id=ids.node_id(performance.id), source=performance, venue=performance.venue, starts_at=performance.starts_at)

    @field("The concert it belongs to.")
    async def concert(self, info: Info) -> "Concert":
        concert = await info.context.loaders.concerts.load(self.source.id.concert_id)
        assert concert is not None, "a performance belongs to a concert"
        return Concert.of(concert)

    @field("What is left, dearest first.")
    async def grades(self, info: Info) -> list[GradeAvailability]:
        return [GradeAvailability.of(grade) for grade in await info.context.loaders.grades_of.load(self.source.id)]

    @field("The seats, in the order of the hall.")
    async def seats(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description=f"How many, at most {MOST_SEATS}.")] = 100,
        after: Annotated[str | None, strawberry.argument(description="The cursor to go on from.")] = strawberry.UNSET,
        grade: Annotated[str | None, strawberry.argument(description="Only seats of this grade.")] = strawberry.UNSET,
        status: Annotated[SeatStatus | None, strawberry.argument(description="Only seats of this status.")] = strawberry.UNSET,
    ) -> SeatConnection:
        now = info.context.now()
        which = SeatFilter(grade=grade or None, status=status or None)
        size = cursors.bounded(first, 100, MOST_SEATS)
        page = await info.context.views.seats.seats(self.source.id, which, size, cursors.read_uuid(after or None), now)
        return SeatConnection.of(page, after or None, now)


@strawberry.type(description="A title that is sold in one sale: one queue, one purchase limit, one or more performances.")
class Concert(Node):
    concert_id: strawberry.Private[ConcertId]
    title: str = strawberry.field(description="The title.")
    artist: str = strawberry.field(description="Who performs.")
    queue_opens_at: datetime = strawberry.field(description="From then people may gather; before it `joinQueue` answers SalesNotOpen.")
    sales_open_at: datetime = strawberry.field(
        description="From then people are admitted; until then a token is WAITING in phase GATHERING."
    )
    sales_close_at: datetime = strawberry.field(description="From then nothing is sold any more.")
    purchase_limit: int = strawberry.field(description="Seats a person may hold and own in this concert.")

    @classmethod
    def of(cls, concert: domain_concert.Concert) -> "Concert":
        return cls(
            id=ids.concert_id(concert.id),
            concert_id=concert.id,
            title=concert.title,
            artist=concert.artist,
            queue_opens_at=concert.queue_opens_at,
            sales_open_at=concert.sales_open_at,
            sales_close_at=concert.sales_close_at,
            purchase_limit=concert.purchase_limit,
        )

    @field("By starting time.")
    async def performances(self, info: Info) -> list[Performance]:
        return [Performance.of(performance) for performance in await info.context.loaders.performances_of.load(self.concert_id)]

    @field("The waiting queue; null while its store is away.")
    async def queue(self, info: Info) -> QueueStatus | None:
        overview = await info.context.use_cases.show_queue(self.concert_id)
        return None if overview is None else QueueStatus.of(overview)


@strawberry.type(description="A concert in a list.")
class ConcertEdge:
    node: Concert = strawberry.field(description="The concert.")
    cursor: str = strawberry.field(description="Where it stands in the list.")


@strawberry.type(description="A page of concerts, in the order in which they were created.")
class ConcertConnection:
    edges: list[ConcertEdge] = strawberry.field(description="The concerts of this page.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")

    @classmethod
    def of(cls, page: Page[domain_concert.Concert], after: str | None) -> "ConcertConnection":
        edges = [ConcertEdge(node=Concert.of(concert), cursor=cursors.of_uuid(concert.id)) for concert in page.items]
        return cls(edges=edges, page_info=PageInfo.of([edge.cursor for edge in edges], has_next=page.has_next, after=after))


@strawberry.type(description="Seats that changed, at most one batch a second.")
class SeatChanges:
    cursor: str = strawberry.field(description="From where to go on after an interruption.")
    seats: list[Seat] = strawberry.field(description="The changed seats as they are now; a seat may be told twice.")
    reset: bool = strawberry.field(description="Too old a cursor, or too much has changed: read the map again.")
