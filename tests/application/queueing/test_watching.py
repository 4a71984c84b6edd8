import asyncio
from collections.abc import AsyncIterator

import pytest

from application.queueing.standing import Standing
from domain.errors import ConcertNotFound, QueueTokenInvalid, QueueTokenProblem
from domain.ids import BuyerId
from domain.queue_token import QueueCondition, QueuePhase, QueueTokenState
from tests.application.queueing.house import House, fan


async def next_of(stream: AsyncIterator[Standing]) -> Standing:
    return await asyncio.wait_for(anext(stream), 2)


async def until(stream: AsyncIterator[Standing], **facts: object) -> Standing:
    async with asyncio.timeout(3):
        async for standing in stream:
            if all(getattr(standing, name) == value for name, value in facts.items()):
                return standing
    raise AssertionError(f"the stream ended before {facts}")


async def ends(stream: AsyncIterator[Standing]) -> bool:
    with pytest.raises(StopAsyncIteration):
        await next_of(stream)
    return True


async def test_the_position_comes_at_once_then_on_each_change_and_ends_when_admitted(house: House) -> None:
    house.set_queue(capacity=1)
    tokens = [await house.join(n) for n in (1, 2, 3)]
    stream = house.watch(3, tokens[2].value)
    assert (await next_of(stream)).position == 3
    await house.admit()
    assert (await next_of(stream)).position == 2
    await house.leave(2, tokens[1].value)
    assert (await next_of(stream)).position == 1
    house.set_queue(capacity=2)
    await house.admit()
    active = await until(stream, state=QueueTokenState.ACTIVE)
    buyer = house.buyer(3)
    assert buyer is not None
    assert (active.expires_at, active.position) == (buyer.deadline, None)
    assert await ends(stream)


async def test_leaving_in_one_tab_ends_all(house: House) -> None:
    first = await house.join(1)
    streams = [house.watch(1, first.value) for _ in range(3)]
    assert [(await next_of(stream)).position for stream in streams] == [1, 1, 1]
    await house.leave(1, first.value)
    assert [(await next_of(stream)).state for stream in streams] == [QueueTokenState.LEFT] * 3
    for stream in streams:
        assert await ends(stream)


async def test_a_spent_token_is_told_its_state_and_the_stream_ends(house: House) -> None:
    first = await house.join(1)
    await house.admit()
    stream = house.watch(1, first.value)
    assert (await next_of(stream)).state is QueueTokenState.ACTIVE
    assert await ends(stream)


async def test_another_s_token_opens_no_stream(house: House) -> None:
    first = await house.join(1)
    with pytest.raises(QueueTokenInvalid) as refused:
        house.watch(2, first.value)
    assert refused.value.reason is QueueTokenProblem.WRONG_USER


async def test_a_stream_stays_open_while_the_line_is_away(house: House) -> None:
    house.set_queue(capacity=1)
    first, second = await house.join(1), await house.join(2)
    streams = [house.watch(1, first.value), house.watch(2, second.value)]
    assert [(await next_of(stream)).position for stream in streams] == [1, 2]
    house.take_line_away()
    away = await next_of(streams[1])
    assert (away.state, away.condition, away.position) == (QueueTokenState.WAITING, QueueCondition.UNAVAILABLE, None)
    late = house.watch(2, second.value)
    assert (await next_of(late)).condition is QueueCondition.UNAVAILABLE
    house.bring_line_back()
    assert (await next_of(streams[1])).position == 2
    await house.admit()
    assert (await until(streams[0], state=QueueTokenState.ACTIVE)).condition is QueueCondition.LIVE
    for stream in (*streams, late):
        await stream.aclose()


async def test_a_pass_granted_as_the_line_went_away_is_told(house: House) -> None:
    first = await house.join(1)
    stream = house.watch(1, first.value)
    assert (await next_of(stream)).position == 1
    await house.admit()
    house.take_line_away()
    assert (await until(stream, state=QueueTokenState.ACTIVE)).expires_at is not None


async def test_after_everything_was_forgotten_the_sockets_show_their_tokens_and_stand_as_before(house: House) -> None:
    house.set_queue(capacity=0)
    tokens = [await house.join(n) for n in range(1, 21)]
    streams = [house.watch(n, one.value) for n, one in enumerate(tokens, start=1)]
    assert [(await next_of(stream)).position for stream in streams] == list(range(1, 21))
    await house.forget_everything()
    newcomer = await house.join(99)
    recovering = [await until(stream, condition=QueueCondition.RECOVERING) for stream in streams]
    assert {standing.position for standing in recovering} == {None}
    live = [await until(stream, condition=QueueCondition.LIVE) for stream in streams]
    assert [standing.position for standing in live] == list(range(1, 21))
    assert (await house.show(99, newcomer.value)).position == 21
    for stream in streams:
        await stream.aclose()


async def test_the_phase_is_told_when_it_changes(house: House) -> None:
    house.set_sale(opens_in=0.2)
    first = await house.join(1)
    stream = house.watch(1, first.value)
    gathering = await next_of(stream)
    assert (gathering.phase, gathering.position) == (QueuePhase.GATHERING, None)
    assert (await until(stream, phase=QueuePhase.OPEN)).position == 1
    await house.one.operate.pause(house.concert_id)
    assert (await until(stream, phase=QueuePhase.PAUSED)).position == 1
    await house.one.operate.close(house.concert_id)
    assert (await until(stream, phase=QueuePhase.CLOSED)).state is QueueTokenState.WAITING
    assert house.queue.epoch == 1
    await stream.aclose()


async def test_a_token_that_was_moved_in_another_tab_follows(house: House) -> None:
    house.set_queue(capacity=0)
    earlier = await house.join(1)
    await house.forget_everything()
    *_, last = [await house.join(n) for n in (2, 3, 1)]
    await house.until_all_came_back()
    stream = house.watch(1, last.value)
    assert (await next_of(stream)).position == 3
    await house.join(1, earlier.value)
    moved = await until(stream, position=1)
    assert moved.token.place == earlier.token.place
    await stream.aclose()


async def test_when_nobody_watches_nothing_runs_and_the_next_one_is_served(house: House) -> None:
    first = await house.join(1)
    for _ in range(3):
        stream = house.watch(1, first.value)
        assert (await next_of(stream)).position == 1
        assert house.one.metrics.gauges["concert_queue_watchers"] == 1
        await stream.aclose()
        assert house.one.metrics.gauges["concert_queue_watchers"] == 0
    await asyncio.sleep(0.1)
    assert [task for task in asyncio.all_tasks() if "ConcertWatch" in repr(task.get_coro())] == []


async def test_a_fault_that_nobody_foresaw_ends_the_streams_and_not_the_next_ones(house: House) -> None:
    first = await house.join(1)
    stream = house.watch(1, first.value)
    assert (await next_of(stream)).position == 1
    concerts = house.view.concerts
    house.view.concerts = {}
    with pytest.raises(ConcertNotFound):
        await until(stream, position=7)
    house.view.concerts = concerts
    again = house.watch(1, first.value)
    assert (await next_of(again)).position == 1
    await again.aclose()


async def test_a_newcomer_behind_many_is_told_by_one_call_for_all(house: House) -> None:
    house.set_queue(capacity=0)
    tokens = [await house.join(n) for n in range(1, 301)]
    streams = [house.watch(n, one.value) for n, one in enumerate(tokens, start=1)]
    standings = await asyncio.gather(*(next_of(stream) for stream in streams))
    assert [standing.position for standing in standings] == list(range(1, 301))
    await house.leave(1, tokens[0].value)
    moved = await asyncio.gather(*(next_of(stream) for stream in streams[1:]))
    assert [standing.position for standing in moved] == list(range(1, 300))
    for stream in streams:
        await stream.aclose()
    assert house.database.kind("buyers").keys() == {BuyerId(house.concert_id, fan(1))}
