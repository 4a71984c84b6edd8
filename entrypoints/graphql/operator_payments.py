"""For operators: cancelling a performance, how its refunds go, and what the gateway left to a person."""

from datetime import datetime
from typing import Annotated

import strawberry

from application.ports.gateway_errand_view import ManualErrand
from entrypoints.graphql import ids
from entrypoints.graphql.context import Info
from entrypoints.graphql.fields import field, mutation
from entrypoints.graphql.problems import BadInput
from entrypoints.graphql.types.refusals import PerformanceNotFound, ServiceUnavailable

MOST_ERRANDS = 100


@strawberry.type(description="How far the reservations of a cancelled performance are given back.")
class PerformanceRefunds:
    left: int = strawberry.field(description="Reservations whose refund has not begun.")
    refunding: int = strawberry.field(description="Refunds whose answer the gateway still owes.")
    manual: int = strawberry.field(description="Refunds that the gateway refused for good: a person is needed.")
    done: int = strawberry.field(description="Reservations that are given back, or ended before.")


@strawberry.type(description="A request to the gateway that no rule could finish: look at the order there.")
class GatewayErrand:
    order_id: str = strawberry.field(description="What the gateway knows the attempt by.")
    kind: str = strawberry.field(description="CONFIRM or CANCEL.")
    amount: int = strawberry.field(description="In won.")
    sends: int = strawberry.field(description="How often the request was sent.")
    look_ups: int = strawberry.field(description="How often it was looked up.")
    note: str | None = strawberry.field(description="What the gateway said last.")
    created_at: datetime = strawberry.field(description="Since when.")

    @classmethod
    def of(cls, manual: ManualErrand) -> "GatewayErrand":
        errand = manual.errand
        return cls(
            order_id=errand.order_id,
            kind=errand.id.kind.value,
            amount=errand.amount,
            sends=manual.sends,
            look_ups=manual.look_ups,
            note=manual.note,
            created_at=errand.created_at,
        )


@strawberry.type(description="The performance is cancelled; its refunds follow by themselves.")
class CancelPerformanceSuccess:
    performance_id: strawberry.ID = strawberry.field(description="The performance.")
    newly: bool = strawberry.field(description="Whether it was this request that cancelled it.")


CancelPerformanceResult = Annotated[
    CancelPerformanceSuccess | PerformanceNotFound | ServiceUnavailable,
    strawberry.union("CancelPerformanceResult", description="What `cancelPerformance` answers."),
]
PerformanceArgument = Annotated[strawberry.ID, strawberry.argument(description="The performance.")]


@strawberry.type(description="For operators: payments.")
class PaymentOperations:
    @field("How far a cancelled performance is given back.")
    async def performance_refunds(self, info: Info, performance_id: PerformanceArgument) -> PerformanceRefunds:
        progress = await info.context.services.refunds.progress(ids.read_performance(performance_id, "performanceId"))
        return PerformanceRefunds(left=progress.left, refunding=progress.refunding, manual=progress.manual, done=progress.done)

    @field("What the gateway left to a person, oldest first.")
    async def gateway_errands(
        self, info: Info, first: Annotated[int, strawberry.argument(description=f"How many, at most {MOST_ERRANDS}.")] = 20
    ) -> list[GatewayErrand]:
        if not 1 <= first <= MOST_ERRANDS:
            raise BadInput("first", f"should be 1 to {MOST_ERRANDS}")
        return [GatewayErrand.of(manual) for manual in await info.context.services.errands.manual(first)]


@strawberry.type(description="What was left to a person is run again, under its old key.")
class ReopenGatewayErrandSuccess:
    reopened: bool = strawberry.field(description="Whether anything of that order waited for a person.")


ReopenGatewayErrandResult = Annotated[
    ReopenGatewayErrandSuccess | ServiceUnavailable,
    strawberry.union("ReopenGatewayErrandResult", description="What `reopenGatewayErrand` answers."),
]


@strawberry.type(description="What operators can ask for about payments.")
class OperatorPaymentMutation:
    @mutation("For operators: takes a performance off sale, for good, and gives everybody their money back.")
    async def cancel_performance(self, info: Info, performance_id: PerformanceArgument) -> CancelPerformanceResult:
        info.context.operator()
        newly = await info.context.use_cases.cancel_performance(ids.read_performance(performance_id, "performanceId"))
        return CancelPerformanceSuccess(performance_id=performance_id, newly=newly)

    @mutation("For operators: has the workers try again what was left to a person.")
    async def reopen_gateway_errand(
        self, info: Info, order_id: Annotated[str, strawberry.argument(description="What the gateway knows the attempt by.")]
    ) -> ReopenGatewayErrandResult:
        info.context.operator()
        return ReopenGatewayErrandSuccess(reopened=await info.context.use_cases.reopen_errand(order_id))
