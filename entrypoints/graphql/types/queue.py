"""The waiting queue, as fans see it."""

from datetime import datetime

import strawberry

from application.queueing.standing import QueueOverview, Standing
from domain.queue_token import QueueCondition, QueuePhase, QueueTokenState
from entrypoints.graphql.types.node import described

described(
    QueueTokenState,
    "What a queue token is worth.",
    WAITING="In the line.",
    ACTIVE="Admitted: booking is open to this person until `expiresAt`.",
    EXPIRED="Over: the time is up, or the pass was used for a payment.",
    LEFT="Given up by its owner.",
)
described(
    QueuePhase,
    "What the queue of a concert is doing.",
    GATHERING="People gather; nobody has a position yet.",
    OPEN="People are admitted.",
    PAUSED="Admission stands still; everyone keeps their place.",
    CLOSED="Nobody is admitted any more.",
)
described(
    QueueCondition,
    "How well the queue's store is.",
    LIVE="What is shown is true now.",
    RECOVERING="The store has lost something and is being rebuilt; everyone keeps their place.",
    UNAVAILABLE="The store is away: the last state is repeated, nobody loses a place.",
)


@strawberry.type(description="A concert's queue as a whole.")
class QueueStatus:
    waiting: int = strawberry.field(description="How many people wait.")
    active: int = strawberry.field(description="How many people are booking at this moment.")
    capacity: int = strawberry.field(description="How many people may book at once.")
    admitted_per_minute: int = strawberry.field(description="How many people were admitted within the last minute.")
    paused: bool = strawberry.field(description="Whether operators have paused admission.")

    @classmethod
    def of(cls, overview: QueueOverview) -> "QueueStatus":
        return cls(
            waiting=overview.waiting,
            active=overview.active,
            capacity=overview.capacity,
            admitted_per_minute=overview.admitted_per_minute,
            paused=overview.paused,
        )


@strawberry.type(description="A place in a concert's line, and what has become of it.")
class QueueToken:
    value: str = strawberry.field(description="Signed and opaque. Clients keep the newest one and show it at each step.")
    state: QueueTokenState = strawberry.field(description="What the token is worth now.")
    phase: QueuePhase = strawberry.field(description="What the queue is doing.")
    condition: QueueCondition = strawberry.field(description="Whether what is shown is true now.")
    lane: str = strawberry.field(description="The lane this person stands in.")
    number: str = strawberry.field(description="The place in the order, for people to compare; the same as long as the place is theirs.")
    position: int | None = strawberry.field(description="1 = next in one's lane; null unless WAITING, in phase OPEN or PAUSED, and LIVE.")
    estimated_wait_seconds: int | None = strawberry.field(description="Null when it cannot be known (paused, no admissions yet).")
    expires_at: datetime | None = strawberry.field(description="While ACTIVE: until when booking is open to this person.")
    as_of: datetime = strawberry.field(description="When the position was true.")
    poll_after_seconds: int = strawberry.field(description="For those who poll: how long to wait before asking again.")

    @classmethod
    def of(cls, standing: Standing) -> "QueueToken":
        return cls(
            value=standing.value,
            state=standing.state,
            phase=standing.phase,
            condition=standing.condition,
            lane=standing.token.lane,
            number=standing.token.number,
            position=standing.position,
            estimated_wait_seconds=standing.estimated_wait_seconds,
            expires_at=standing.expires_at,
            as_of=standing.as_of,
            poll_after_seconds=standing.poll_after_seconds,
        )
