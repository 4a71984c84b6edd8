"""Every point at which a process can die in a saga: it dies there, another recovers, and the saga ends as it should.

Money is conserved, what stands at the gateway is what was bought, tickets are those of the seats paid for, each event is
told once, no errand stays open, and the fan who asks again hears the same answer.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.every_saga import SAGAS
from tests.chaos.house import Ground
from tests.chaos.nursery import result_of, side_by_side
from tests.chaos.saga_runs import Crash, counted, lane

pytestmark = pytest.mark.timeout(600)
"""Longer than any wait inside, the fixtures' included."""

LANES = 2
PATIENCE = 110.0
SAMPLED = {"card payment": 3, "refund by card": 4, "late success, seats taken": 5, "notification chain": 4}
"""Saga → each how manieth of its points dies on MySQL, where all of them would take too long."""
AT_LEAST = {
    "points payment": 2,
    "card payment": 14,
    "late charge of a failed attempt": 14,
    "late top-up": 8,
    "cancelled performance": 25,
    "notification chain": 15,
}


@pytest.mark.parametrize("saga", SAGAS)
def test_every_point_on_sqlite(saga: str, ground: Ground, tmp_path: Path) -> None:
    names = names_of_points(saga, replace(ground, directory=tmp_path))
    assert len(names) >= AT_LEAST.get(saga, 2)
    enumerate_points(saga, [replace(ground, directory=tmp_path)] * LANES, names, range(1, len(names) + 1))


@pytest.mark.parametrize("saga", SAMPLED)
def test_some_points_on_mysql(saga: str, ground: Ground, mysql_databases: list[str], tmp_path: Path) -> None:
    grounds = [replace(ground, directory=tmp_path, database_url=url) for url in mysql_databases]
    names = names_of_points(saga, grounds[0])
    enumerate_points(saga, grounds, names, range(2, len(names) + 1, SAMPLED[saga]))


@pytest.mark.chaos
@pytest.mark.parametrize("saga", SAGAS)
def test_every_point_on_mysql(saga: str, ground: Ground, mysql_databases: list[str], tmp_path: Path) -> None:
    grounds = [replace(ground, directory=tmp_path, database_url=url) for url in mysql_databases]
    names = names_of_points(saga, grounds[0])
    enumerate_points(saga, grounds, names, range(1, len(names) + 1), seconds=580)


def names_of_points(saga: str, ground: Ground) -> list[str]:
    side_by_side([(counted, (saga, ground, ground.directory / "count"))], PATIENCE)
    names: list[str] = result_of(ground.directory / "count.names")
    return names


def enumerate_points(saga: str, grounds: Sequence[Ground], names: list[str], points: Sequence[int], seconds: float = PATIENCE) -> None:
    """All of these points, spread over as many processes as there are grounds."""
    lanes = [(ground, points[number :: len(grounds)], ground.directory / f"lane-{number}") for number, ground in enumerate(grounds)]
    side_by_side([(lane, (saga, ground, some, result)) for ground, some, result in lanes], seconds)
    crashes: list[Crash] = [crash for _, _, result in lanes for crash in result_of(result)]
    assert not [(crash.at, crash.name, crash.wrong) for crash in crashes if crash.wrong]
    assert {crash.at: crash.name for crash in crashes} == {at: names[at - 1] for at in points}
