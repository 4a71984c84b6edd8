"""The worlds of the features, their sentences, and the guard against steps that would pass without running."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from features.steps.account_steps import *  # noqa: F403 -- pytest-bdd finds sentences among a conftest's names
from features.steps.card_steps import *  # noqa: F403
from features.steps.concert_steps import *  # noqa: F403
from features.steps.endurance_steps import *  # noqa: F403
from features.steps.fault_steps import *  # noqa: F403
from features.steps.hold_steps import *  # noqa: F403
from features.steps.notification_steps import *  # noqa: F403
from features.steps.outage_steps import *  # noqa: F403
from features.steps.outbox_steps import *  # noqa: F403
from features.steps.payment_steps import *  # noqa: F403
from features.steps.queue_steps import *  # noqa: F403
from features.steps.refusal_steps import *  # noqa: F403
from features.steps.repeat_steps import *  # noqa: F403
from features.steps.reservation_steps import *  # noqa: F403
from features.steps.seat_map_steps import *  # noqa: F403
from features.steps.server_steps import *  # noqa: F403
from features.steps.story import Story
from features.worlds.embedded import EmbeddedWorld
from features.worlds.real import RealWorld
from features.worlds.world import World

ONLY_REAL = "실서버만"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every scenario runs in both worlds, those about a real server's faults in the real one alone. A failure that runs in
    both is long, and marked `matrix` the second time.
    """
    if "world" in metafunc.fixturenames:
        of = metafunc.definition
        if of.get_closest_marker(ONLY_REAL) is not None:
            worlds = [pytest.param("real", marks=pytest.mark.real)]
        else:
            again = [pytest.mark.matrix] if of.get_closest_marker("failures") is not None else []
            worlds = [pytest.param("embedded"), pytest.param("real", marks=[pytest.mark.real, *again])]
        metafunc.parametrize("world", worlds, indirect=True, scope="package")


@pytest.fixture(scope="package")
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Its services start when a scenario first needs them, and stop with the last: none works on beside other tests."""
    if request.param == "embedded":
        world: World = EmbeddedWorld()
    else:
        servers = ("mysql_url", "redis_url", "kafka_bootstrap")
        world = RealWorld(**{server: request.getfixturevalue(server) for server in servers})
    try:
        yield world
    finally:
        world.close()


@pytest.fixture
def story(world: World) -> Iterator[Story]:
    """A fresh one for each scenario."""
    with ExitStack() as stack:
        yield Story(world=world, stack=stack)


def pytest_bdd_step_error(request: pytest.FixtureRequest, scenario: Any, step: Any, exception: BaseException) -> None:
    """A failure says which sentence it happened in, and what the service had to say."""
    if "world" not in request.fixturenames:
        return
    story: Story = request.getfixturevalue("story")
    exception.add_note(f"{scenario.feature.rel_filename}:{step.line_number}: {step.keyword} {step.name}\n{story.said()}")


def pytest_bdd_before_step_call(step: Any, step_func: Callable[..., object]) -> None:
    """An async step is never awaited, and its scenario would pass."""
    if inspect.iscoroutinefunction(step_func) or inspect.isasyncgenfunction(step_func):
        pytest.fail(f"async step: {step.name}", pytrace=False)
