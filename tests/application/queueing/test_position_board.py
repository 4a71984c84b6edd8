"""Every position of the board against ZRANK, after anything that can happen in a line."""

import random

import pytest

from application.ports.admission import Settlement
from application.ports.queue_changes import Change, ChangeKind
from application.ports.waiting_queue import Spot
from application.queueing.position_board import PositionBoard
from domain.queue_token import place_of
from tests.contracts.queue_stores import Line, embedded_line, fan


class Follower:
    """A process that watches everyone, by the changes alone."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.board = PositionBoard()
        self.cursor: int | None = None
        self.watched: dict[int, int] = {}

    async def follow(self, newcomers: dict[int, int]) -> None:
        shown = [(fan(number), place) for number, place in newcomers.items()]
        followed = await self.line.changes.follow(self.line.at, self.cursor, shown)
        assert followed.changes is not None
        self.board.apply(followed.changes)
        self.cursor = followed.cursor
        for number, sighting in zip(newcomers, followed.sightings, strict=True):
            self.board.remove(fan(number), self.watched.pop(number, 0))
            if sighting.spot is Spot.WAITING:
                self.watched[number] = sighting.place
                self.board.put(fan(number), sighting.place, sighting.ahead)


async def everyone_stands_where_the_line_says(follower: Follower) -> int:
    ranking = {user: rank for rank, user in enumerate(await follower.line.ranking())}
    seen = 0
    for number, place in follower.watched.items():
        if fan(number) in ranking:
            assert follower.board.ahead(fan(number), place) == ranking[fan(number)], number
            seen += 1
    return seen


@pytest.mark.parametrize("seed", range(4))
async def test_all_positions_after_random_joins_leaves_admissions_and_returns(seed: int) -> None:
    chance = random.Random(seed)
    async with embedded_line() as line:
        await line.open(2)
        follower = Follower(line)
        places: dict[int, int] = {}
        compared = 0
        for number in range(1, 300):
            what = chance.random()
            if what < 0.55 or not places:
                places[number] = (await line.join(fan(number))).place
            elif what < 0.7:
                places[number] = place_of(1, chance.randrange(1, 10**9))  # returns from before
                await line.show(fan(number), places[number])
            elif what < 0.8:
                moving = chance.choice(list(places))
                places[moving] = min(places[moving], place_of(1, chance.randrange(1, 10**9)))
                moved = await line.show(fan(moving), places[moving])
                if moved.spot is Spot.WAITING:
                    await follower.follow({moving: moved.place})
            elif what < 0.9:
                leaving = chance.choice(list(places))
                await line.waiting.leave(line.at, fan(leaving), places[leaving])
            else:
                taken = (await line.tick(rate=chance.randrange(1, 10))).taken
                await line.tick(rate=0, settlement=Settlement(granted=taken))
            newcomers = chance.sample(sorted(set(places) - set(follower.watched)), 1) if set(places) - set(follower.watched) else []
            if chance.random() < 0.5:
                await follower.follow({newcomer: places[newcomer] for newcomer in newcomers})
                compared += await everyone_stands_where_the_line_says(follower)
        assert compared > 500


def test_ties_are_broken_as_the_line_breaks_them() -> None:
    board = PositionBoard()
    board.put(fan(2), 100, 1)
    board.put(fan(1), 100, 0)
    assert board.apply([Change(ChangeKind.WENT, fan(1), 100)])
    assert (board.ahead(fan(1), 100), board.ahead(fan(2), 100)) == (0, 0)
    assert not board.apply([Change(ChangeKind.CAME, fan(3), 100)])
    assert board.ahead(fan(2), 100) == 0
