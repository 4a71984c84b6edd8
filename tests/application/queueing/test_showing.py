import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from application.ports.queue_recovery import Begun
from application.ports.waiting_queue import QueueEpoch
from application.queueing.standing import QueueOverview
from domain.buyer import PassEnd
from domain.concert_queue import QueueStatus
from domain.errors import ConcertNotFound, QueueTokenInvalid, QueueTokenProblem, ServiceUnavailable
from domain.ids import ConcertId
from domain.queue_token import QueueCondition, QueuePhase, QueueTokenState
from tests.application.queueing.house import House


async def test_a_token_of_one_s_own_is_answered_with_its_state_spent_or_not(house: House) -> None:
    house.set_queue(capacity=1)
    first, second = await house.join(1), await house.join(2)
    assert [(await house.show(n, one.value)).position for n, one in ((1, first), (2, second))] == [1, 2]
    await house.admit()
    active = await house.show(1, first.value)
    buyer = house.buyer(1)
    assert buyer is not None
    assert (active.state, active.position, active.expires_at) == (QueueTokenState.ACTIVE, None, buyer.deadline)
    house.database.put("buyers", buyer.id, buyer.end_pass(buyer.pass_place, PassEnd.USED))
    used = await house.show(1, first.value)
    assert (used.state, used.expires_at) == (QueueTokenState.EXPIRED, None)


async def test_another_s_token_and_nonsense_are_refused(house: House) -> None:
    first = await house.join(1)
    for number, value, problem in (
        (2, first.value, QueueTokenProblem.WRONG_USER),
        (1, first.value[:-2] + "AA", QueueTokenProblem.FORGED),
        (1, "nonsense", QueueTokenProblem.MALFORMED),
    ):
        with pytest.raises(QueueTokenInvalid) as refused:
            await house.show(number, value)
        assert refused.value.reason is problem


async def test_while_paused_there_is_a_position_and_no_estimate(house: House) -> None:
    first = await house.join(1)
    await house.one.operate.pause(house.concert_id)
    paused = await house.show(1, first.value)
    assert (paused.phase, paused.position, paused.estimated_wait_seconds) == (QueuePhase.PAUSED, 1, None)
    assert await house.admit() == 0
    await house.one.operate.resume(house.concert_id)
    assert await house.admit() == 1


async def test_while_the_line_is_away_a_live_pass_is_active_and_all_else_is_kept(house: House) -> None:
    house.set_queue(capacity=1)
    first, second = await house.join(1), await house.join(2)
    await house.admit()
    house.take_line_away()
    active, waiting = await house.show(1, first.value), await house.show(2, second.value)
    assert (active.state, active.condition) == (QueueTokenState.ACTIVE, QueueCondition.UNAVAILABLE)
    assert (waiting.state, waiting.condition, waiting.position) == (QueueTokenState.WAITING, QueueCondition.UNAVAILABLE, None)
    assert waiting.value == second.value
    assert waiting.poll_after_seconds == 5
    house.bring_line_back()
    assert (await house.show(2, second.value)).position == 1


async def test_in_a_new_epoch_the_old_places_come_back_and_positions_wait_until_all_could(house: House) -> None:
    tokens = [await house.join(n) for n in (1, 2)]
    await house.forget_everything()
    await house.join(3)
    shown = await house.show(2, tokens[1].value)
    assert (shown.condition, shown.position, shown.token.place) == (QueueCondition.RECOVERING, None, tokens[1].token.place)
    await house.show(1, tokens[0].value)
    assert await house.admit() == 0
    await house.until_all_came_back()
    assert (await house.show(2, tokens[1].value)).position == 2
    assert (await house.join(3)).position == 3


async def test_while_somebody_else_loads_the_line_anew_it_is_recovering(house: House) -> None:
    first = await house.join(1)
    await house.forget_everything()
    assert await house.one.recovery.begin(QueueEpoch(house.concert_id, 1), "another process") is Begun.MINE
    shown = await house.show(1, first.value)
    assert (shown.condition, shown.state, shown.position) == (QueueCondition.RECOVERING, QueueTokenState.WAITING, None)
    assert house.queue.epoch == 1


async def test_a_process_that_missed_the_new_epoch_finds_it_without_raising_another(house: House) -> None:
    stale = house.process(house.one.store, fresh_for=60)
    first = await house.join(1)
    assert (await stale.show(first.token.user_id, first.value)).position == 1
    await house.forget_everything()
    await house.show(1, first.value)
    assert (await stale.show(first.token.user_id, first.value)).condition is QueueCondition.RECOVERING
    assert house.queue.epoch == 2


async def test_while_the_database_is_away_the_waiting_are_shown_their_positions(house: House) -> None:
    house.set_queue(capacity=1)
    first, second = await house.join(1), await house.join(2)
    await house.admit()
    house.view.away = True
    assert (await house.show(2, second.value)).position == 1
    with pytest.raises(ServiceUnavailable):
        await house.show(1, first.value)


async def test_the_wait_is_estimated_from_the_measured_pace(house: House) -> None:
    house.set_queue(capacity=1000, rate=20)
    tokens = [await house.join(n) for n in range(1, 151)]
    assert (await house.show(150, tokens[149].value)).estimated_wait_seconds is None
    for _ in range(38):
        await house.admit()
        await asyncio.sleep(0.1)
    last = await house.show(150, tokens[149].value)
    assert last.position is not None
    assert last.estimated_wait_seconds == pytest.approx(last.position / 20, rel=0.2, abs=1)


async def test_an_overview_tells_who_waits_and_who_is_in(house: House) -> None:
    assert await house.one.overview(house.concert_id) == overview(waiting=0, active=0)
    for n in range(12):
        await house.join(n)
    await house.admit()
    assert await house.one.overview(house.concert_id) == overview(waiting=2, active=10, admitted=10)
    assert house.one.metrics.gauges["concert_queue_waiting"] == 2
    assert house.one.metrics.gauges["concert_queue_active"] == 10
    assert house.one.metrics.counts["concert_admissions_total"] == 10
    house.take_line_away()
    assert await house.one.overview(house.concert_id) is None


def overview(*, waiting: int, active: int, admitted: int = 0) -> QueueOverview:
    return QueueOverview(waiting=waiting, active=active, capacity=10, admitted_per_minute=admitted, paused=False)


async def test_levers_take_hold_at_the_next_tick(house: House) -> None:
    for n in range(12):
        await house.join(n)
    assert (await house.one.operate.set_levers(house.concert_id, capacity=3)).capacity == 3
    assert await house.admit() == 3
    changed = await house.one.operate.set_levers(house.concert_id, rate=0)
    assert (changed.capacity, changed.rate, changed.status) == (3, 0, QueueStatus.OPEN)
    await house.one.operate.set_levers(house.concert_id, capacity=10)
    assert await house.admit() == 0
    with pytest.raises(ConcertNotFound):
        await house.one.operate.pause(ConcertId(UUID(int=404)))


async def test_after_ten_minutes_a_pass_reads_expired_before_anybody_wrote_it_down(house: House) -> None:
    first = await house.join(1)
    await house.admit()
    house.clock.ahead += timedelta(minutes=10, seconds=1)
    house.set_sale()
    assert (await house.show(1, first.value)).state is QueueTokenState.EXPIRED
