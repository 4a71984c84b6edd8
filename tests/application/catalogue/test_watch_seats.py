"""Watching a seat map: nothing is missed, nothing is told twice without need, and nobody costs more than a look a tick."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from application.catalogue.watch_seats import OVERLAP, PAGE, SeatBatch, WatchSeats
from domain.concert import Performance, PerformanceStatus
from domain.errors import PerformanceNotFound, StoreUnavailable
from domain.ids import ConcertId, PerformanceId, SeatId
from domain.money import Won
from domain.seat import Seat, SeatStatus

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EVENING = PerformanceId(ConcertId(UUID(int=1)), UUID(int=2))
MATINEE = PerformanceId(ConcertId(UUID(int=1)), UUID(int=3))


class HandClock:
    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment


class StepSleeper:
    """Each tick lasts until the test lets it pass, and moves the clock by a second."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self._ticks = asyncio.Condition()
        self._passed = 0

    def elapsed(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        until = self._passed + 1
        async with self._ticks:
            await self._ticks.wait_for(lambda: self._passed >= until)

    async def tick(self) -> None:
        self._clock.moment += timedelta(seconds=1)
        async with self._ticks:
            self._passed += 1
            self._ticks.notify_all()
        for _ in range(20):
            await asyncio.sleep(0)


class Hall:
    """Both catalogue views over a few seats."""

    def __init__(self) -> None:
        self.seats: dict[SeatId, tuple[datetime, Seat]] = {}
        self.looks: list[dict[PerformanceId, datetime]] = []
        self.fault: StoreUnavailable | None = None

    def write(self, number: int, at: datetime, status: SeatStatus = SeatStatus.SOLD, performance: PerformanceId = EVENING) -> Seat:
        seat_id = SeatId(*performance, UUID(int=number))
        seat = Seat(id=seat_id, section="A", row="1", number=number, grade="R", price=Won(1), status=status)
        self.seats[seat_id] = at, seat
        return seat

    async def changed_since(
        self, ids: Mapping[PerformanceId, datetime], limit: int
    ) -> Mapping[PerformanceId, Sequence[tuple[datetime, Seat]]]:
        self.looks.append(dict(ids))
        if self.fault is not None:
            raise self.fault
        return {
            key: sorted(
                ((at, seat) for at, seat in self.seats.values() if seat.id.performance_id == key and at >= since),
                key=lambda each: (each[0], each[1].id),
            )[:limit]
            for key, since in ids.items()
        }

    async def performances_by_id(self, ids: Sequence[PerformanceId]) -> Sequence[Performance | None]:
        known = Performance(
            id=EVENING,
            venue="Hall",
            starts_at=NOW,
            status=PerformanceStatus.ON_SALE,
            title="T",
            sales_open_at=NOW,
            sales_close_at=NOW,
            purchase_limit=4,
        )
        return [known if key in (EVENING, MATINEE) else None for key in ids]


class Scene:
    def __init__(self) -> None:
        self.clock = HandClock()
        self.sleeper = StepSleeper(self.clock)
        self.hall = Hall()
        self.watch = WatchSeats(self.hall, self.hall, self.clock, self.sleeper)  # type: ignore[arg-type]

    def watching(self, after: datetime | None = None, performance: PerformanceId = EVENING) -> "Watching":
        return Watching(self.watch(performance, after))


class Watching:
    """A reader in a task of its own, and what it has read."""

    def __init__(self, batches: AsyncGenerator[SeatBatch, None]) -> None:
        self.read: list[SeatBatch] = []
        self._task = asyncio.create_task(self._follow(batches))

    async def _follow(self, batches: AsyncGenerator[SeatBatch, None]) -> None:
        async with aclosing(batches):
            async for batch in batches:
                self.read.append(batch)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_change_is_told_once(scene: Scene) -> None:
    watching = scene.watching()
    await settled()
    assert watching.read == []
    seat = scene.hall.write(1, scene.clock.now())
    for _ in range(6):
        await scene.sleeper.tick()
    assert [batch.seats for batch in watching.read] == [(seat,)]
    await watching.stop()


async def test_what_changed_before_somebody_came_is_not_news(scene: Scene) -> None:
    scene.hall.write(1, NOW - timedelta(seconds=1))
    watching = scene.watching()
    await settled()
    await scene.sleeper.tick()
    assert watching.read == []
    await watching.stop()


async def test_a_commit_that_was_stamped_earlier_and_seen_later_is_told(scene: Scene) -> None:
    watching = scene.watching()
    await settled()
    await scene.sleeper.tick()
    late = scene.hall.write(1, NOW - timedelta(seconds=1))
    await scene.sleeper.tick()
    assert [batch.seats for batch in watching.read] == [(late,)]
    await watching.stop()


async def test_a_cursor_brings_what_was_missed_at_once(scene: Scene) -> None:
    scene.hall.write(1, NOW - timedelta(minutes=10))
    missed = scene.hall.write(2, NOW - timedelta(minutes=1))
    watching = scene.watching(after=NOW - timedelta(minutes=2))
    await settled()
    assert watching.read == [SeatBatch(cursor=NOW, seats=(missed,))]
    await watching.stop()


async def test_too_old_a_cursor_means_reading_the_map_again(scene: Scene) -> None:
    watching = scene.watching(after=NOW - timedelta(hours=1))
    await settled()
    assert watching.read == [SeatBatch(cursor=NOW, seats=(), reset=True)]
    await watching.stop()


async def test_more_changes_than_a_page_are_read_page_by_page(scene: Scene) -> None:
    for number in range(2 * PAGE + 10):
        scene.hall.write(number, NOW + timedelta(microseconds=number))
    watching = scene.watching(after=NOW)
    await settled()
    (batch,) = watching.read
    assert len({seat.id for seat in batch.seats}) == 2 * PAGE + 10 and not batch.reset
    await watching.stop()


async def test_more_changes_of_one_moment_than_a_page_means_reading_the_map_again(scene: Scene) -> None:
    watching = scene.watching()
    await settled()
    for number in range(PAGE + 1):
        scene.hall.write(number, scene.clock.now())
    await scene.sleeper.tick()
    assert [(batch.seats, batch.reset) for batch in watching.read] == [((), True)]
    await watching.stop()


async def test_batches_come_at_most_once_a_tick_and_with_the_latest(scene: Scene) -> None:
    watching = scene.watching()
    await settled()
    scene.hall.write(1, scene.clock.now(), SeatStatus.HELD)
    await scene.sleeper.tick()
    scene.hall.write(1, scene.clock.now(), SeatStatus.AVAILABLE)
    sold = scene.hall.write(1, scene.clock.now() + timedelta(milliseconds=1), SeatStatus.SOLD)
    for _ in range(3):
        await scene.sleeper.tick()
    assert [[seat.status for seat in batch.seats] for batch in watching.read] == [[SeatStatus.HELD], [sold.status]]
    await watching.stop()


async def test_all_watchers_share_one_look_a_tick(scene: Scene) -> None:
    crowd = [scene.watching(performance=(EVENING, MATINEE)[number % 2]) for number in range(50)]
    await settled()
    scene.hall.looks.clear()
    seat = scene.hall.write(1, scene.clock.now())
    await scene.sleeper.tick()
    assert scene.hall.looks == [{EVENING: NOW - OVERLAP, MATINEE: NOW - OVERLAP}]
    assert [len(watching.read) for watching in crowd] == [1, 0] * 25
    assert crowd[0].read[0].seats == (seat,)
    for watching in crowd:
        await watching.stop()
    scene.hall.looks.clear()
    for _ in range(3):
        await scene.sleeper.tick()
    assert scene.hall.looks == []


async def test_while_the_database_is_away_watchers_stay(scene: Scene) -> None:
    watching = scene.watching()
    await settled()
    seat = scene.hall.write(1, scene.clock.now())
    scene.hall.fault = StoreUnavailable("away")
    await scene.sleeper.tick()
    assert watching.read == []
    scene.hall.fault = None
    await scene.sleeper.tick()
    assert [batch.seats for batch in watching.read] == [(seat,)]
    await watching.stop()


async def test_an_unknown_performance_is_refused(scene: Scene) -> None:
    with pytest.raises(PerformanceNotFound):
        await anext(scene.watch(PerformanceId(ConcertId(UUID(int=9)), UUID(int=9)), None))
