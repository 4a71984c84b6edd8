"""What can be asked for. Refusals climb as exceptions and become members of the result's union (``errors.REFUSALS``)."""

from typing import Annotated

import strawberry

from application.booking.sign_in_as_guest import GUESTS
from entrypoints.graphql import ids
from entrypoints.graphql.context import Info
from entrypoints.graphql.fields import mutation
from entrypoints.graphql.inputs import (
    CancelReservationInput,
    HoldSeatsInput,
    JoinQueueInput,
    LeaveQueueInput,
    PayInput,
    PreparePaymentInput,
    PrepareTopUpInput,
    TopUpPointsInput,
    read_name,
)
from entrypoints.graphql.operations import OperatorMutation
from entrypoints.graphql.problems import Forbidden
from entrypoints.graphql.types.person import GuestSession, Viewer
from entrypoints.graphql.types.queue import QueueToken
from entrypoints.graphql.types.results import (
    CancelReservationResult,
    CancelReservationSuccess,
    HoldSeatsResult,
    HoldSeatsSuccess,
    JoinQueueResult,
    JoinQueueSuccess,
    LeaveQueueResult,
    LeaveQueueSuccess,
    PaymentOrder,
    PayResult,
    PaySuccess,
    PreparePaymentResult,
    PrepareTopUpResult,
    TopUpPointsResult,
    TopUpPointsSuccess,
)

What = strawberry.argument(description="What is asked for.")
Phone = Annotated[str, strawberry.argument(description="A Korean mobile number.")]


@strawberry.type(description="What can be asked for.")
class Mutation(OperatorMutation):
    @mutation("A new person with points to spend. Only where the settings allow it.")
    async def sign_in_as_guest(
        self, info: Info, name: Annotated[str, strawberry.argument(description="What to be called; not kept.")], phone: Phone
    ) -> GuestSession:
        if not info.context.services.guests:
            raise Forbidden("guests are not let in here")
        read_name(name)
        guest = await info.context.use_cases.sign_in_as_guest(phone)
        token = info.context.services.access_tokens.sign(guest.subject, issuer=GUESTS)
        return GuestSession(access_token=token.value, user_id=ids.user_id(guest.user_id), expires_at=token.expires_at)

    @mutation("A place in a concert's line: the same one however often it is asked for.")
    async def join_queue(self, info: Info, input: Annotated[JoinQueueInput, What]) -> JoinQueueResult:
        standing = await info.context.use_cases.join_queue(input.command(info.context.person()))
        return JoinQueueSuccess(queue_token=QueueToken.of(standing))

    @mutation("Gives up one's place, or one's pass.")
    async def leave_queue(self, info: Info, input: Annotated[LeaveQueueInput, What]) -> LeaveQueueResult:
        standing = await info.context.use_cases.leave_queue(input.command(info.context.person()))
        return LeaveQueueSuccess(queue_token=QueueToken.of(standing))

    @mutation("Holds all of the seats for a while, or none.")
    async def hold_seats(self, info: Info, input: Annotated[HoldSeatsInput, What]) -> HoldSeatsResult:
        command = input.command(info.context.person())
        reservation_id = await info.context.use_cases.hold_seats(command)
        return await HoldSeatsSuccess.of(info.context, reservation_id, command.queue_token)

    @mutation("Pays for held seats: once per idempotency key, however often it is asked.")
    async def pay(self, info: Info, input: Annotated[PayInput, What]) -> PayResult:
        command = input.command(info.context.person())
        payment_id = await info.context.use_cases.pay(command)
        return await PaySuccess.of(info.context, payment_id, command.reservation_id)

    @mutation("Lets go of a hold, or refunds a paid reservation before the show.")
    async def cancel_reservation(self, info: Info, input: Annotated[CancelReservationInput, What]) -> CancelReservationResult:
        cancelled = await info.context.use_cases.cancel_reservation(input.command(info.context.person()))
        return await CancelReservationSuccess.of(info.context, cancelled)

    @mutation("An order for a card to pay: one attempt's.")
    async def prepare_payment(self, info: Info, input: Annotated[PreparePaymentInput, What]) -> PreparePaymentResult:
        prepared = await info.context.use_cases.prepare_payment(input.command(info.context.person()))
        return PaymentOrder.of(info.context, prepared.attempt, prepared.order)

    @mutation("An order for a card to buy points with: one attempt's.")
    async def prepare_top_up(self, info: Info, input: Annotated[PrepareTopUpInput, What]) -> PrepareTopUpResult:
        prepared = await info.context.use_cases.prepare_top_up(info.context.person().user_id, input.amount)
        return PaymentOrder.of(info.context, prepared.id, prepared.order)

    @mutation("Buys points with a card.")
    async def top_up_points(self, info: Info, input: Annotated[TopUpPointsInput, What]) -> TopUpPointsResult:
        person = info.context.person()
        await info.context.use_cases.top_up_points(input.command(person))
        return TopUpPointsSuccess(balance=await info.context.views.people.balance(person.user_id))

    @mutation("Where AlimTalk and SMS shall go from now on.")
    async def update_contact(self, info: Info, phone: Phone) -> Viewer:
        person = info.context.person()
        await info.context.use_cases.update_contact(person.user_id, phone)
        return Viewer.of(person)
