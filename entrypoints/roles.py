"""The roles of a worker: what each does, how often it looks when nothing wakes it, and whom it wakes."""

from collections.abc import Awaitable, Callable, Sequence

from adapters.kafka.topics import DEAD_KEPT, create_topics, dead_letter_topic_of, topic_named
from entrypoints.container import Container
from entrypoints.setting_values import EMBEDDED_KAFKA
from entrypoints.worker import Role

ROLES = ("relay", "consumer", "notifier", "admitter", "sweeper", "reconciler")
PURGE_SECONDS = 60.0
ERRAND_LANES = (0.5, 2.0, 2.0, 2.0)
"""Of each its seconds between two looks, when nothing wakes it: a gateway that is slow with one batch of errands must not keep
the next from being taken up.
"""


def roles_of(container: Container, names: Sequence[str]) -> list[Role]:
    """What is handled by one role of this process wakes the next."""
    wake = container.wake

    def role(name: str, work: Callable[[], Awaitable[int]], idle_seconds: float, **more: object) -> Role:
        return Role(name=name, work=work, idle_seconds=idle_seconds, **{"wake": wake(), **more})  # type: ignore[arg-type]

    async def topics() -> None:
        settings = container.settings()
        if settings.kafka_bootstrap != EMBEDDED_KAFKA:
            topic = topic_named(settings.kafka_prefix)
            await create_topics(settings.kafka_bootstrap, (topic,))
            await create_topics(settings.kafka_bootstrap, (dead_letter_topic_of(topic),), partitions=1, kept=DEAD_KEPT)

    notifier_wake = wake()
    made: dict[str, Callable[[], list[Role]]] = {
        "relay": lambda: [role("relay", after(topics, container.relay_outbox()), 0.5, wake=container.relay_wake())],
        "consumer": lambda: [role("consumer", after(topics, then(container.consume_messages(), notifier_wake.set)), 0.0)],
        "notifier": lambda: [
            role("notifier", container.send_notifications(), 1.0, wake=notifier_wake),
            role("notifier", container.follow_deliveries(), 1.0),
        ],
        "admitter": lambda: [role("admitter", container.admit_buyers(), 0.25, wake=container.admitter_wake(), eager=False)],
        "sweeper": lambda: [role("sweeper", container.expire_holds(), 1.0), role("sweeper", container.purge(), PURGE_SECONDS)],
    }
    made["reconciler"] = lambda: [
        *(role("reconciler", container.run_errands(), seconds, wake=container.gateway_wake()) for seconds in ERRAND_LANES),
        role("reconciler", container.refund_performances(), 2.0),
    ]
    return [each for name in names for each in made[name]()]


def after(first: Callable[[], Awaitable[None]], work: Callable[[], Awaitable[int]]) -> Callable[[], Awaitable[int]]:
    """Until the one has succeeded, once, the other is not begun."""
    succeeded = False

    async def work_afterwards() -> int:
        nonlocal succeeded
        if not succeeded:
            await first()
            succeeded = True
        return await work()

    return work_afterwards


def then(work: Callable[[], Awaitable[int]], tell: Callable[[], None]) -> Callable[[], Awaitable[int]]:
    async def work_and_tell() -> int:
        if handled := await work():
            tell()
        return handled

    return work_and_tell
