"""What can be watched."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from entrypoints.graphql import cursors, ids
from entrypoints.graphql.context import Info
from entrypoints.graphql.fields import subscription
from entrypoints.graphql.problems import NotFound
from entrypoints.graphql.types.booking import Payment
from entrypoints.graphql.types.catalogue import Seat, SeatChanges
from entrypoints.graphql.types.queue import QueueToken


@strawberry.type(description="What can be watched.")
class Subscription:
    @subscription("One's place: at once, then on each change; ends after ACTIVE, EXPIRED or LEFT.")
    async def queue_position(
        self, info: Info, queue_token: Annotated[str, strawberry.argument(description="The newest token of that place.")]
    ) -> AsyncGenerator[QueueToken, None]:
        async with aclosing(info.context.use_cases.watch_position(info.context.person().user_id, queue_token)) as standings:
            async for standing in standings:
                yield QueueToken.of(standing)

    @subscription("Seats that change, in batches, at most one a second. Public.")
    async def seat_changes(
        self,
        info: Info,
        performance_id: Annotated[strawberry.ID, strawberry.argument(description="The performance.")],
        after: Annotated[str | None, strawberry.argument(description="A `changesCursor`, or an earlier cursor.")] = strawberry.UNSET,
    ) -> AsyncGenerator[SeatChanges, None]:
        since = cursors.read_moment(after or None)
        async with aclosing(info.context.use_cases.watch_seats(ids.read_performance(performance_id, "performanceId"), since)) as batches:
            async for batch in batches:
                seats = [Seat.of(seat, info.context.now()) for seat in batch.seats]
                yield SeatChanges(cursor=cursors.of_moment(batch.cursor), seats=seats, reset=batch.reset)

    @subscription("One's payment: at once, then on each change; ends with a final status.")
    async def payment_updates(
        self, info: Info, payment_id: Annotated[strawberry.ID, strawberry.argument(description="The payment.")]
    ) -> AsyncGenerator[Payment, None]:
        watched = info.context.use_cases.watch_payment(info.context.person().user_id, ids.read_payment(payment_id, "paymentId"))
        shown = False
        async with aclosing(watched) as payments:
            async for payment in payments:
                shown = True
                yield Payment.of(payment)
        if not shown:
            raise NotFound("there is no such payment")
