"""What each mutation answers: its success, or one of the refusals it lists."""

from datetime import datetime
from typing import Annotated

import strawberry

from application.booking.cancel_reservation import Cancellation
from domain import payment_order as domain_order
from domain.ids import PaymentId, ReservationId, TopUpId
from entrypoints.graphql.context import Context, Info
from entrypoints.graphql.fields import field
from entrypoints.graphql.types.booking import Payment, Reservation, Ticket, own_reservation, payment_of
from entrypoints.graphql.types.queue import QueueToken
from entrypoints.graphql.types.refusals import (
    ConcertNotFound,
    HoldAlreadyOpen,
    IdempotencyConflict,
    InsufficientPoints,
    InvalidAmount,
    NotCancellable,
    PaymentDeclined,
    PerformanceNotFound,
    PurchaseLimitExceeded,
    QueueTokenInvalid,
    ReservationAlreadyPaid,
    ReservationExpired,
    ReservationNotFound,
    SalesClosed,
    SalesNotOpen,
    SeatsUnavailable,
    ServiceUnavailable,
    TicketIssuanceFailed,
)


@strawberry.type(description="A place in the line.")
class JoinQueueSuccess:
    queue_token: QueueToken = strawberry.field(description="Keep its `value`.")


@strawberry.type(description="The place was given up.")
class LeaveQueueSuccess:
    queue_token: QueueToken = strawberry.field(description="The token, which reads LEFT.")


@strawberry.type(description="The seats are held.")
class HoldSeatsSuccess:
    token: strawberry.Private[str]
    reservation: Reservation = strawberry.field(description="The hold, to be paid until its `expiresAt`.")

    @classmethod
    async def of(cls, context: Context, reservation_id: ReservationId, token: str) -> "HoldSeatsSuccess":
        return cls(token=token, reservation=await own_reservation(context, reservation_id))

    @field("The pass, extended to outlive the hold.")
    async def queue_token(self, info: Info) -> QueueToken:
        return QueueToken.of(await info.context.use_cases.show_position(info.context.person().user_id, self.token))


@strawberry.type(description="The hold was let go, or the payment was refunded.")
class CancelReservationSuccess:
    reservation: Reservation = strawberry.field(description="The reservation, cancelled.")
    refunded_points: int = strawberry.field(description="In won, back on the account.")
    refunded_card: int = strawberry.field(description="In won, back on the card.")

    @classmethod
    async def of(cls, context: Context, cancelled: Cancellation) -> "CancelReservationSuccess":
        reservation = await own_reservation(context, cancelled.reservation_id)
        return cls(reservation=reservation, refunded_points=cancelled.refunded_points, refunded_card=cancelled.refunded_card)


@strawberry.type(description="The gateway's answer to the refund is not known yet: watch `paymentUpdates`.")
class RefundPending:
    payment: Payment = strawberry.field(description="The payment that is being refunded.")
    retry_after_seconds: int = strawberry.field(description="When to ask again.")


@strawberry.type(description="Paid, with tickets.")
class PaySuccess:
    payment_id: strawberry.Private[PaymentId]
    reservation_id: strawberry.Private[ReservationId]
    payment: Payment = strawberry.field(description="The payment.")

    @classmethod
    async def of(cls, context: Context, payment_id: PaymentId, reservation_id: ReservationId) -> "PaySuccess":
        payment = await payment_of(context, context.person().user_id, payment_id)
        assert payment is not None, "a payment was just made"
        return cls(payment_id=payment_id, reservation_id=reservation_id, payment=payment)

    @field("The tickets, in the order of the seats.")
    async def tickets(self, info: Info) -> list[Ticket]:
        return [Ticket.of(ticket) for ticket in await info.context.loaders.tickets_of.load(self.reservation_id)]

    @field("The balance of points that is left, in won.")
    async def balance(self, info: Info) -> int:
        return await info.context.views.people.balance(info.context.person().user_id)


@strawberry.type(description="The payment's end is not known yet (IN_DOUBT): watch `paymentUpdates`.")
class PaymentPending:
    payment: Payment = strawberry.field(description="The payment.")
    retry_after_seconds: int = strawberry.field(description="When to ask again.")


@strawberry.type(description="What a gateway's client SDK needs before it gives out a payment key.")
class PaymentOrder:
    order_id: str = strawberry.field(description="Known to the server; a declined try needs a new one.")
    amount: int = strawberry.field(description="In won.")
    client_key: str = strawberry.field(description="The gateway's public key of this shop.")
    expires_at: datetime = strawberry.field(description="Until when the order can be paid.")

    @classmethod
    def of(cls, context: Context, attempt: PaymentId | TopUpId, order: domain_order.PaymentOrder) -> "PaymentOrder":
        return cls(
            order_id=domain_order.order_id_of(attempt),
            amount=order.card_amount,
            client_key=context.services.client_key,
            expires_at=order.expires_at,
        )


@strawberry.type(description="The points are on the account.")
class TopUpPointsSuccess:
    balance: int = strawberry.field(description="In won.")


JoinQueueResult = Annotated[
    JoinQueueSuccess | SalesNotOpen | SalesClosed | QueueTokenInvalid | ConcertNotFound | ServiceUnavailable,
    strawberry.union("JoinQueueResult", description="What `joinQueue` answers."),
]
LeaveQueueResult = Annotated[
    LeaveQueueSuccess | QueueTokenInvalid | ServiceUnavailable,
    strawberry.union("LeaveQueueResult", description="What `leaveQueue` answers."),
]
HoldSeatsResult = Annotated[
    HoldSeatsSuccess
    | HoldAlreadyOpen
    | SeatsUnavailable
    | SalesClosed
    | QueueTokenInvalid
    | PurchaseLimitExceeded
    | PerformanceNotFound
    | IdempotencyConflict
    | ServiceUnavailable,
    strawberry.union("HoldSeatsResult", description="What `holdSeats` answers."),
]
CancelReservationResult = Annotated[
    CancelReservationSuccess | RefundPending | ReservationNotFound | NotCancellable | IdempotencyConflict | ServiceUnavailable,
    strawberry.union("CancelReservationResult", description="What `cancelReservation` answers."),
]
PayResult = Annotated[
    PaySuccess
    | PaymentPending
    | SalesClosed
    | InsufficientPoints
    | ReservationNotFound
    | ReservationExpired
    | ReservationAlreadyPaid
    | QueueTokenInvalid
    | PaymentDeclined
    | TicketIssuanceFailed
    | IdempotencyConflict
    | ServiceUnavailable,
    strawberry.union("PayResult", description="What `pay` answers."),
]
PreparePaymentResult = Annotated[
    PaymentOrder
    | SalesClosed
    | InsufficientPoints
    | ReservationNotFound
    | ReservationExpired
    | ReservationAlreadyPaid
    | QueueTokenInvalid
    | ServiceUnavailable,
    strawberry.union("PreparePaymentResult", description="What `preparePayment` answers."),
]
PrepareTopUpResult = Annotated[
    PaymentOrder | InvalidAmount | ServiceUnavailable,
    strawberry.union("PrepareTopUpResult", description="What `prepareTopUp` answers."),
]
TopUpPointsResult = Annotated[
    TopUpPointsSuccess | PaymentDeclined | PaymentPending | InvalidAmount | IdempotencyConflict | ServiceUnavailable,
    strawberry.union("TopUpPointsResult", description="What `topUpPoints` answers."),
]
