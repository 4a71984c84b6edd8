"""Reservations, payments and tickets: each shown to its owner only."""

from datetime import datetime

import strawberry

from domain import payment as domain_payment
from domain import reservation as domain_reservation
from domain import ticket as domain_ticket
from domain.errors import ReservationNotFound
from domain.ids import PaymentId, PerformanceId, ReservationId, TopUpId, UserId
from domain.payment import PaymentMethod, PaymentStatus
from domain.reservation import ReservationStatus
from domain.top_up import TopUp
from entrypoints.graphql import cursors, ids
from entrypoints.graphql.context import Context, Info
from entrypoints.graphql.fields import field
from entrypoints.graphql.types.catalogue import Performance, Seat
from entrypoints.graphql.types.node import Node, PageInfo, described

described(
    ReservationStatus,
    "What has become of a reservation.",
    PENDING="Its seats are held until `expiresAt`.",
    CONFIRMED="Paid.",
    CANCELLING="Its refund is under way.",
    CANCELLED="Let go, or refunded.",
    EXPIRED="The hold ran out before it was paid.",
)
described(
    PaymentStatus,
    "What has become of a payment.",
    REQUESTED="Begun.",
    COMPLETED="The money and the seats have changed hands.",
    FAILED="Nothing was taken.",
    CANCELLING="Its refund is under way.",
    CANCELLED="Refunded.",
    IN_DOUBT="The gateway's answer is not known yet.",
)
described(PaymentMethod, "How is paid.", POINTS="With points alone.", CARD="With a card, and points beside it if wanted.")


@strawberry.type(description="One attempt to pay for one reservation.")
class Payment(Node):
    status: PaymentStatus = strawberry.field(description="What has become of it.")
    method: PaymentMethod = strawberry.field(description="How is paid.")
    amount: int = strawberry.field(description="In won: `pointsAmount` and `cardAmount` together.")
    points_amount: int = strawberry.field(description="In won, paid with points.")
    card_amount: int = strawberry.field(description="In won, paid with a card.")
    paid_at: datetime | None = strawberry.field(description="When it was completed.")

    @classmethod
    def of(cls, payment: domain_payment.Payment | TopUp) -> "Payment":
        """A top-up is a payment by card alone, for points instead of seats."""
        if isinstance(payment, TopUp):
            return cls(
                id=ids.node_id(payment.id),
                status=payment.status,
                method=PaymentMethod.CARD,
                amount=payment.amount,
                points_amount=0,
                card_amount=payment.amount,
                paid_at=payment.completed_at,
            )
        return cls(
            id=ids.node_id(payment.id),
            status=payment.status,
            method=payment.method,
            amount=payment.amount,
            points_amount=payment.points_amount,
            card_amount=payment.card_amount,
            paid_at=payment.paid_at,
        )


@strawberry.type(description="What a paid seat is proved with.")
class Ticket(Node):
    source: strawberry.Private[domain_ticket.Ticket]
    issued_at: datetime = strawberry.field(description="When it was issued.")

    @classmethod
    def of(cls, ticket: domain_ticket.Ticket) -> "Ticket":
        return cls(id=ids.node_id(ticket.id), source=ticket, issued_at=ticket.issued_at)

    @field("The seat it is for.")
    async def seat(self, info: Info) -> Seat:
        seat = await info.context.loaders.seats.load(self.source.seat_id)
        assert seat is not None, "a ticket is for a seat"
        return Seat.of(seat, info.context.now())

    @field("The performance it opens.")
    async def performance(self, info: Info) -> Performance:
        return await _performance(info.context, self.source.seat_id.performance_id)

    @field("What the door scans; nobody can guess it.")
    def code(self, info: Info) -> str:
        return info.context.services.ticket_codes.code(self.source.id)


@strawberry.type(description="Seats held for a person until a moment; then theirs, or anyone's.")
class Reservation(Node):
    source: strawberry.Private[domain_reservation.Reservation]
    status: ReservationStatus = strawberry.field(description="What has become of it.")
    total_price: int = strawberry.field(description="In won.")
    expires_at: datetime | None = strawberry.field(description="While PENDING: until when the seats are held.")

    @classmethod
    def of(cls, reservation: domain_reservation.Reservation, now: datetime) -> "Reservation":
        """A hold that has run out reads EXPIRED, whether or not it has been swept."""
        status = ReservationStatus.EXPIRED if reservation.is_overdue(now) else reservation.status
        return cls(
            id=ids.node_id(reservation.id),
            source=reservation,
            status=status,
            total_price=reservation.total_price,
            expires_at=reservation.expires_at if status is ReservationStatus.PENDING else None,
        )

    @field("The performance its seats are at.")
    async def performance(self, info: Info) -> Performance:
        return await _performance(info.context, self.source.id.performance_id)

    @field("Its seats.")
    async def seats(self, info: Info) -> list[Seat]:
        now = info.context.now()
        return [Seat.of(seat, now) for seat in await info.context.loaders.seats.load_many(self.source.seat_ids) if seat is not None]

    @field("The payment that stands or stood for it.")
    async def payment(self, info: Info) -> Payment | None:
        return None if self.source.payment_id is None else await payment_of(info.context, self.source.user_id, self.source.payment_id)

    @field("Its live tickets, in the order of its seats.")
    async def tickets(self, info: Info) -> list[Ticket]:
        return [Ticket.of(ticket) for ticket in await info.context.loaders.tickets_of.load(self.source.id)]


@strawberry.type(description="A reservation in a list.")
class ReservationEdge:
    node: Reservation = strawberry.field(description="The reservation.")
    cursor: str = strawberry.field(description="Where it stands in the list.")


@strawberry.type(description="A page of one's reservations, newest first.")
class ReservationConnection:
    edges: list[ReservationEdge] = strawberry.field(description="The reservations of this page.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")

    @classmethod
    def of(
        cls, found: list[domain_reservation.Reservation], *, has_next: bool, after: str | None, now: datetime
    ) -> "ReservationConnection":
        edges = [ReservationEdge(node=Reservation.of(item, now), cursor=cursors.of_uuid(item.id.reservation)) for item in found]
        return cls(edges=edges, page_info=PageInfo.of([edge.cursor for edge in edges], has_next=has_next, after=after))


async def reservation_of(context: Context, user_id: UserId, reservation_id: ReservationId) -> Reservation | None:
    """One's own; another person's is none."""
    reservation = await context.loaders.reservations.load(reservation_id)
    return None if reservation is None or reservation.user_id != user_id else Reservation.of(reservation, context.now())


async def own_reservation(context: Context, reservation_id: ReservationId) -> Reservation:
    """What the caller's own command has just dealt with. Raises ReservationNotFound."""
    if (reservation := await reservation_of(context, context.person().user_id, reservation_id)) is None:
        raise ReservationNotFound
    return reservation


async def payment_of(context: Context, user_id: UserId, payment_id: PaymentId | TopUpId) -> Payment | None:
    if isinstance(payment_id, TopUpId):
        top_up = await context.views.top_ups.top_up(payment_id) if payment_id.user_id == user_id else None
        return None if top_up is None else Payment.of(top_up)
    payment = await context.loaders.payments.load(payment_id)
    return None if payment is None or payment.user_id != user_id else Payment.of(payment)


async def _performance(context: Context, performance_id: PerformanceId) -> Performance:
    performance = await context.loaders.performances.load(performance_id)
    assert performance is not None, "a booking is for a performance"
    return Performance.of(performance)
