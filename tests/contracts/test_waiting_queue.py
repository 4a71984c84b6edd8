"""The contract of the queue's store: WaitingQueue, QueueChanges, Admission and QueueRecovery, in the process and on a real server."""

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from adapters.redis.keys import CHECKS, keys_of
from application.ports.admission import Kept, Settlement, Slot, Taken
from application.ports.queue_changes import Change, ChangeKind
from application.ports.queue_recovery import Begun, Remembered
from application.ports.waiting_queue import EpochLost, QueueEpoch, Sighting, Spot
from domain.queue_token import HIGHEST_EPOCH, ORDERS_PER_EPOCH, place_of
from tests.contracts.queue_stores import Line, embedded_line, fan, real_line

EPOCHS = (1, 100, HIGHEST_EPOCH)
ADMITTED = Sighting(spot=Spot.ADMITTED)
SPENT = Sighting(spot=Spot.SPENT)
NOWHERE = Sighting(spot=Spot.NOWHERE)


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.real)])
async def fresh(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    """A line that was never opened."""
    lent = embedded_line() if request.param == "embedded" else real_line(request.getfixturevalue("redis_url"))
    async with lent as line:
        yield line


@pytest.fixture(params=EPOCHS, ids="epoch{}".format)
async def line(fresh: Line, request: pytest.FixtureRequest) -> Line:
    await fresh.open(request.param)
    return fresh


async def gathered(*asked: Coroutine[Any, Any, Sighting]) -> list[Sighting]:
    return list(await asyncio.gather(*asked))


async def test_people_stand_in_the_order_in_which_they_came(line: Line) -> None:
    assert [await line.join(fan(n)) for n in (30, 10, 20)] == [line.standing(1, 0), line.standing(2, 1), line.standing(3, 2)]
    assert await line.ranking() == [fan(30), fan(10), fan(20)]


async def test_callers_of_one_moment_share_a_call_and_each_gets_a_place_of_their_own(line: Line) -> None:
    sightings = await asyncio.gather(*(line.join(fan(n)) for n in range(700)))
    assert sightings == [line.standing(n + 1, sightings[n].ahead) for n in range(700)]
    assert await line.ranking() == [fan(n) for n in range(700)]


async def test_joining_again_or_twice_at_once_gives_the_same_place(line: Line) -> None:
    first = await line.join(fan(1))
    assert await gathered(line.join(fan(1)), line.join(fan(2)), line.join(fan(1))) == [first, line.standing(2, 1), first]
    assert await gathered(line.join(fan(3)), line.join(fan(3))) == [line.standing(3, 2)] * 2
    assert len(await line.ranking()) == 3


async def test_a_shown_place_of_an_earlier_epoch_is_stood_at_again(line: Line) -> None:
    await line.join(fan(1))
    earlier = place_of(line.at.epoch - 1, ORDERS_PER_EPOCH - 1)
    assert await line.join(fan(2), earlier) == Sighting(spot=Spot.WAITING, place=earlier, ahead=0)
    assert await line.show(fan(3), earlier - 1) == Sighting(spot=Spot.WAITING, place=earlier - 1, ahead=0)
    assert await line.ranking() == [fan(3), fan(2), fan(1)]


async def test_of_two_places_of_ones_own_the_earlier_one_counts(line: Line) -> None:
    earlier = line.place(0)
    await line.join(fan(1))
    assert (await line.join(fan(1), earlier)).place == earlier
    assert (await line.join(fan(1), line.place(5))).place == earlier
    assert await line.ranking() == [fan(1)]


async def test_showing_numbers_nobody(line: Line) -> None:
    await line.join(fan(1))
    taken = await line.admit_all()
    assert taken == (Taken(fan(1), line.place(1)),)
    await line.waiting.leave(line.at, fan(1), line.place(1))
    assert await line.show(fan(1), line.place(1)) == SPENT
    assert await line.ranking() == []


async def test_a_spent_place_is_not_stood_at_again_and_joining_starts_at_the_end(line: Line) -> None:
    for n in (1, 2, 3):
        await line.join(fan(n))
    await line.waiting.leave(line.at, fan(1), line.place(1))
    assert await line.show(fan(1), line.place(1)) == SPENT
    assert await line.join(fan(1), line.place(1)) == line.standing(4, 2)


async def test_admission_takes_the_heads_and_tells_how_they_stand(line: Line) -> None:
    for n in (1, 2, 3):
        await line.join(fan(n))
    ticked = await line.tick(capacity=2)
    assert ticked.taken == (Taken(fan(1), line.place(1)), Taken(fan(2), line.place(2)))
    assert (ticked.line.active, ticked.line.waiting) == (2, 1)
    assert await line.show(fan(1), line.place(1)) == Sighting(spot=Spot.ADMITTING, place=line.place(1))
    await line.tick(capacity=2, settlement=Settlement(granted=ticked.taken))
    assert await line.show(fan(1), line.place(1)) == ADMITTED
    assert await line.join(fan(1)) == ADMITTED
    assert await line.show(fan(3), line.place(3)) == line.standing(3, 0)


async def test_what_an_interrupted_tick_took_is_named_again_and_not_taken_twice(line: Line) -> None:
    for n in (1, 2, 3):
        await line.join(fan(n))
    first = await line.tick(capacity=2)
    assert (await line.tick(capacity=3)).taken == (*first.taken, Taken(fan(3), line.place(3)))


async def test_there_are_never_more_slots_than_the_capacity(line: Line) -> None:
    for n in range(10):
        await line.join(fan(n))
    assert len(await line.admit_all(capacity=4)) == 4
    assert await line.admit_all(capacity=4) == ()
    assert await line.admit_all(capacity=3) == ()
    assert len(await line.admit_all(capacity=6)) == 2


async def test_nobody_is_admitted_while_paused_or_at_rate_zero(line: Line) -> None:
    await line.join(fan(1))
    assert (await line.tick(admitting=False)).taken == ()
    assert (await line.tick(rate=0)).taken == ()
    assert (await line.tick()).taken == (Taken(fan(1), line.place(1)),)


async def test_admissions_keep_to_the_rate_without_bursts(line: Line) -> None:
    await asyncio.gather(*(line.join(fan(n)) for n in range(200)))
    await line.admit_all(rate=50)
    loop = asyncio.get_running_loop()
    began, admitted = loop.time(), 0
    while loop.time() - began < 1.0:
        admitted += len(await line.admit_all(rate=50))
        await asyncio.sleep(0.05)
    elapsed = loop.time() - began
    assert 25 * elapsed <= admitted <= 50 * elapsed + 1


async def test_a_refused_grant_gives_the_slot_back_and_the_place_is_spent(line: Line) -> None:
    await line.join(fan(1))
    taken = (await line.tick()).taken
    ticked = await line.tick(settlement=Settlement(refused=taken))
    assert (ticked.line.active, ticked.taken) == (0, ())
    assert await line.show(fan(1), line.place(1)) == SPENT


async def test_a_named_pass_is_a_suspect_and_its_slot_is_freed_if_it_is_still_the_one_that_was_read(line: Line) -> None:
    await line.join(fan(1))
    await line.admit_all()
    await line.store.client.sadd(keys_of(line.concert_id)[CHECKS], fan(1).bytes, fan(9).bytes)
    (slot,) = (await line.tick()).suspects
    assert slot.user_id == fan(1)
    assert (await line.tick()).suspects == ()
    another = Slot(slot.user_id, slot.mark + 1)
    assert (await line.tick(settlement=Settlement(freed=(another,)))).line.active == 1
    assert (await line.tick(settlement=Settlement(freed=(slot,)))).line.active == 0
    assert await line.show(fan(1), line.place(1)) == SPENT


async def test_a_slot_past_its_deadline_is_a_suspect_until_its_row_has_spoken(line: Line) -> None:
    await line.join(fan(1))
    await line.admit_all()
    (slot,) = (await line.tick(sweep_from=0)).suspects
    await line.tick(settlement=Settlement(kept=(Kept(slot, timedelta(milliseconds=1)),)))
    await asyncio.sleep(0.01)
    (over,) = (await line.tick()).suspects
    await line.tick(settlement=Settlement(kept=(Kept(over, timedelta(minutes=1)),)))
    assert (await line.tick()).suspects == ()
    assert (await line.tick(settlement=Settlement(freed=(over,)))).line.active == 1


async def test_a_sweep_looks_at_every_slot_in_turn_but_not_at_those_being_admitted(line: Line) -> None:
    for n in (1, 2, 3):
        await line.join(fan(n))
    await line.admit_all(capacity=2)
    await line.tick()
    swept = await line.tick(sweep_from=0)
    assert ({slot.user_id for slot in swept.suspects}, swept.swept) == ({fan(1), fan(2)}, 3)
    assert (await line.tick(sweep_from=3)).swept == 0


async def test_leaving_gives_up_the_place_the_grant_and_the_slot(line: Line) -> None:
    for n in (1, 2, 3):
        await line.join(fan(n))
    await line.admit_all(capacity=1)
    await line.tick(capacity=2)
    for n in (1, 2, 3):
        await line.waiting.leave(line.at, fan(n), line.place(n))
    ticked = await line.tick()
    assert (ticked.taken, ticked.line.active, ticked.line.waiting) == ((), 0, 0)
    assert [await line.show(fan(n), line.place(n)) for n in (1, 2, 3)] == [SPENT] * 3


async def test_leaving_late_does_not_touch_what_was_reached_since(line: Line) -> None:
    await line.join(fan(1))
    await line.waiting.leave(line.at, fan(1), line.place(1))
    await line.join(fan(1))
    await line.waiting.leave(line.at, fan(1), line.place(1))
    assert await line.ranking() == [fan(1)]
    await line.admit_all()
    await line.waiting.leave(line.at, fan(1), line.place(1))
    assert (await line.tick()).line.active == 1


async def test_changes_are_told_in_order_and_joining_at_the_end_is_none(line: Line) -> None:
    for n in (1, 2, 3):
        await line.join(fan(n))
    begun = await line.changes.follow(line.at, None, [])
    assert begun.changes == []
    await line.join(fan(4))
    await line.waiting.leave(line.at, fan(2), line.place(2))
    taken = (await line.tick(capacity=1)).taken
    await line.join(fan(5), line.place(0))
    await line.tick(capacity=1, settlement=Settlement(granted=taken))
    followed = await line.changes.follow(line.at, begun.cursor, [])
    assert followed.changes == [
        Change(ChangeKind.WENT, fan(2), line.place(2)),
        Change(ChangeKind.LEFT, fan(2), line.place(2)),
        Change(ChangeKind.WENT, fan(1), line.place(1)),
        Change(ChangeKind.CAME, fan(5), line.place(0)),
        Change(ChangeKind.ADMITTED, fan(1), line.place(1)),
    ]
    assert (await line.changes.follow(line.at, followed.cursor, [])).changes == []


async def test_newcomers_and_changes_are_as_of_the_same_moment(line: Line) -> None:
    await line.join(fan(1))
    begun = await line.changes.follow(line.at, None, [])
    followed = await line.changes.follow(line.at, begun.cursor, [(fan(2), line.place(0)), (fan(1), line.place(1))])
    assert followed.changes == [Change(ChangeKind.CAME, fan(2), line.place(0))]
    assert list(followed.sightings) == [line.standing(0, 0), line.standing(1, 1)]


async def test_a_cursor_of_which_the_log_knows_nothing_is_told_so(line: Line) -> None:
    assert (await line.changes.follow(line.at, 5, [])).changes is None


async def test_nothing_happens_in_another_epoch_or_without_one(line: Line) -> None:
    await line.join(fan(1))
    for epoch in (line.at.epoch - 1, line.at.epoch + 1):
        elsewhere = QueueEpoch(line.concert_id, epoch % (HIGHEST_EPOCH + 1))
        with pytest.raises(EpochLost):
            await line.waiting.join(elsewhere, fan(2), None)
        with pytest.raises(EpochLost):
            await line.waiting.leave(elsewhere, fan(1), line.place(1))
    await line.store.client.delete(keys_of(line.concert_id)[0])
    with pytest.raises(EpochLost):
        await line.join(fan(2))
    with pytest.raises(EpochLost):
        await line.tick()
    assert await line.ranking() == [fan(1)]


async def test_a_flush_while_people_join_keeps_the_old_order(fresh: Line) -> None:
    await fresh.open(1)
    places = {n: (await fresh.join(fan(n))).place for n in range(20)}
    await fresh.recovery.purge(fresh.concert_id)
    with pytest.raises(EpochLost):
        await fresh.join(fan(100))
    await fresh.open(2)
    for n in (100, 101):
        await fresh.join(fan(n))
    shuffled = random.Random(7).sample(sorted(places), len(places))
    assert [(await fresh.show(fan(n), places[n])).place for n in shuffled] == [places[n] for n in shuffled]
    assert await fresh.ranking() == [*(fan(n) for n in range(20)), fan(100), fan(101)]


async def test_recovery_loads_slots_and_spent_places_and_sends_those_being_admitted_back(fresh: Line) -> None:
    await fresh.open(1)
    for n in range(1, 7):
        await fresh.join(fan(n))
    await fresh.tick(capacity=3)  # 1, 2 and 3 are being admitted; the rows of 1 and 2 were written
    await fresh.waiting.leave(fresh.at, fan(6), place_of(1, 6))
    live, over = timedelta(minutes=5), None
    rows = [Remembered(fan(1), place_of(1, 1), live), Remembered(fan(2), place_of(1, 2), over), Remembered(fan(6), place_of(1, 6), over)]
    await fresh.open(2, rows)
    assert await fresh.ranking() == [fan(3), fan(4), fan(5)]
    assert await fresh.show(fan(1), place_of(1, 1)) == ADMITTED
    assert await fresh.show(fan(2), place_of(1, 2)) == SPENT
    assert await fresh.show(fan(6), place_of(1, 6)) == SPENT
    assert (await fresh.tick(capacity=1)).taken == ()
    assert (await fresh.join(fan(7))).place == place_of(2, 1)


async def test_whoever_stands_again_at_a_later_place_than_the_spent_one_keeps_standing(fresh: Line) -> None:
    await fresh.open(1)
    await fresh.join(fan(1))
    await fresh.open(2, [Remembered(fan(1), place_of(1, 0), None)])
    assert await fresh.ranking() == [fan(1)]


async def test_nobody_is_admitted_before_the_pause_is_over(fresh: Line) -> None:
    await fresh.open(1, pause=timedelta(milliseconds=300))
    await fresh.join(fan(1))
    ticked = await fresh.tick()
    assert ticked.taken == ()
    assert 0 < ticked.line.opens_in <= 0.3
    await asyncio.sleep(ticked.line.opens_in + 0.01)
    assert len((await fresh.tick()).taken) == 1
    assert (await fresh.waiting.state(fresh.at)).opens_in == 0


async def test_one_recovers_at_a_time_and_a_live_epoch_is_left_alone(fresh: Line) -> None:
    assert await fresh.recovery.begin(fresh.at, "one") is Begun.MINE
    assert await fresh.recovery.begin(fresh.at, "two") is Begun.BUSY
    assert not await fresh.recovery.load(fresh.concert_id, "two", [])
    opened = QueueEpoch(fresh.concert_id, 1)
    assert not await fresh.recovery.finish(opened, "two", timedelta())
    assert await fresh.recovery.finish(opened, "one", timedelta())
    assert await fresh.recovery.begin(opened, "two") is Begun.LIVE


async def test_a_store_emptied_under_a_recovery_does_not_take_its_end_for_one(fresh: Line) -> None:
    assert await fresh.recovery.begin(fresh.at, "one") is Begun.MINE
    await fresh.recovery.purge(fresh.concert_id)
    assert not await fresh.recovery.load(fresh.concert_id, "one", [])
    assert not await fresh.recovery.finish(QueueEpoch(fresh.concert_id, 1), "one", timedelta())


async def test_scripts_forgotten_by_the_server_are_sent_again(line: Line) -> None:
    await line.join(fan(1))
    await line.store.client.script_flush()
    assert await line.join(fan(2)) == line.standing(2, 1)


async def test_the_measured_pace_is_unknown_first_and_then_close_to_the_truth(fresh: Line) -> None:
    await fresh.open(1)
    await asyncio.gather(*(fresh.join(fan(n)) for n in range(400)))
    assert (await fresh.waiting.state(fresh.at)).admissions_per_second is None
    loop = asyncio.get_running_loop()
    began, admitted = loop.time(), 0
    while loop.time() - began < 3.6:
        admitted += len(await fresh.admit_all(rate=40))
        await asyncio.sleep(0.05)
    state = await fresh.waiting.state(fresh.at)
    assert state.admissions_per_second == pytest.approx(40, rel=0.15)
    assert state.admitted_last_minute == admitted


async def test_a_purged_queue_leaves_nothing_behind(line: Line) -> None:
    await line.join(fan(1))
    await line.admit_all()
    await line.recovery.purge(line.concert_id)
    left: list[Any] = await line.store.client.keys(f"*{line.concert_id.hex}*")
    assert left == []
