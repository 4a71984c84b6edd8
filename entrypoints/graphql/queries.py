"""What can be read. The catalogue is public; what belongs to a person is shown to that person."""

from typing import Annotated

import strawberry

from domain.ids import ConcertId, PaymentId, PerformanceId, ReservationId, SeatId, TicketId, TopUpId
from entrypoints.graphql import cursors, ids
from entrypoints.graphql.context import Context, Info
from entrypoints.graphql.fields import field
from entrypoints.graphql.operations import Operations
from entrypoints.graphql.types.booking import Reservation, Ticket, payment_of, reservation_of
from entrypoints.graphql.types.catalogue import Concert, ConcertConnection, Performance, Seat
from entrypoints.graphql.types.node import Node
from entrypoints.graphql.types.person import MOST, After, First, Viewer
from entrypoints.graphql.types.queue import QueueToken

Id = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]

Value = Annotated[str, strawberry.argument(description="The token to look at.")]


@strawberry.type(description="What can be read.")
class Query:
    @field("All concerts, in the order in which they were created. Public, as are concert, performance and their seats.")
    async def concerts(self, info: Info, first: First = 20, after: After = strawberry.UNSET) -> ConcertConnection:
        size, behind = cursors.bounded(first, 20, MOST), cursors.read_uuid(after or None)
        return ConcertConnection.of(await info.context.views.concerts.concerts(size, behind), after or None)

    @field("A concert; null if there is none.")
    async def concert(self, info: Info, id: Id) -> Concert | None:
        concert = await info.context.loaders.concerts.load(ids.read_concert(id))
        return None if concert is None else Concert.of(concert)

    @field("A performance; null if there is none.")
    async def performance(self, info: Info, id: Id) -> Performance | None:
        return await _performance(info.context, ids.read_performance(id))

    @field("The polling fallback of `queuePosition`: one's own token as it stands now.")
    async def queue_token(self, info: Info, value: Value) -> QueueToken | None:
        return QueueToken.of(await info.context.use_cases.show_position(info.context.person().user_id, value))

    @field("One's own reservation; null for another person's.")
    async def reservation(self, info: Info, id: Id) -> Reservation | None:
        return await reservation_of(info.context, info.context.person().user_id, ids.read_reservation(id))

    @field("The person who is signed in.")
    def viewer(self, info: Info) -> Viewer:
        return Viewer.of(info.context.person())

    @field("Whatever has an id, with the same authorization as the direct fields.")
    async def node(self, info: Info, id: Id) -> Node | None:
        return await _node(info.context, ids.read_node(id))

    @field("For operators: how the system is doing.")
    def operations(self, info: Info) -> Operations:
        info.context.operator()
        return Operations()


async def _node(context: Context, of: ids.NodeId) -> Node | None:
    match of:
        case PerformanceId():
            return await _performance(context, of)
        case SeatId():
            seat = await context.loaders.seats.load(of)
            return None if seat is None else Seat.of(seat, context.now())
        case ReservationId():
            return await reservation_of(context, context.person().user_id, of)
        case PaymentId() | TopUpId():
            return await payment_of(context, context.person().user_id, of)
        case TicketId():
            return await _own_ticket(context, of)
        case concert_id:
            concert = await context.loaders.concerts.load(ConcertId(concert_id))
            return None if concert is None else Concert.of(concert)


async def _performance(context: Context, performance_id: PerformanceId) -> Performance | None:
    performance = await context.loaders.performances.load(performance_id)
    return None if performance is None else Performance.of(performance)


async def _own_ticket(context: Context, ticket_id: TicketId) -> Ticket | None:
    """A live ticket of one's own."""
    user_id = context.person().user_id
    ticket = await context.loaders.tickets.load(ticket_id)
    return None if ticket is None or ticket.user_id != user_id or not ticket.live else Ticket.of(ticket)
