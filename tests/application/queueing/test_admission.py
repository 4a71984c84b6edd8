import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from application.ports.admission import AdmissionTick, Levers, Taken
from application.ports.unit_of_work import Needs, Transaction
from application.ports.waiting_queue import QueueEpoch
from application.queueing.grant_passes import GrantPasses
from application.work import Work
from domain.buyer import PASS_DURATION, Buyer, PassEnd
from domain.concert_queue import ConcertQueue
from domain.errors import NotCommitted, OutcomeUnknown, Stale
from domain.ids import BuyerId, ConcertId, ReservationId
from domain.queue_token import QueueTokenState, place_of
from tests.application.queueing.house import House, fan


async def joined(house: House, count: int) -> list[str]:
    return [(await house.join(n)).value for n in range(1, count + 1)]


def passes(house: House, count: int) -> list[bool]:
    now = house.clock.now()
    return [(buyer := house.buyer(n)) is not None and buyer.has_live_pass(now) for n in range(1, count + 1)]


async def test_the_heads_of_the_line_get_passes_of_ten_minutes_in_the_database(house: House) -> None:
    house.set_queue(capacity=2)
    await joined(house, 3)
    assert await house.admit() == 2
    first = house.buyer(1)
    assert first is not None
    assert (first.pass_place, first.highest_spent_place, first.ended) == (place_of(1, 1), place_of(1, 1), None)
    assert first.deadline is not None
    assert timedelta() < first.deadline - house.clock.now() <= PASS_DURATION
    assert passes(house, 3) == [True, True, False]
    assert house.buyer(3) is None


async def test_a_tick_that_died_before_granting_is_finished_by_the_next(house: House) -> None:
    house.set_queue(capacity=2)
    tokens = await joined(house, 3)
    levers = Levers(capacity=2, rate=1000, admitting=True)
    await house.one.admission.tick(AdmissionTick(at=QueueEpoch(house.concert_id, 1), levers=levers))
    assert passes(house, 3) == [False, False, False]
    waiting = await house.show(1, tokens[0])
    assert (waiting.state, waiting.position) == (QueueTokenState.WAITING, 1)
    assert await house.admit() == 2
    assert passes(house, 3) == [True, True, False]
    assert (await house.show(1, tokens[0])).state is QueueTokenState.ACTIVE


async def test_a_grant_whose_answer_was_lost_is_not_granted_twice(house: House) -> None:
    await joined(house, 1)
    house.database.lost_answers.append(lambda _: OutcomeUnknown("the answer was lost"))
    assert await house.admit() in (0, 1)  # alone, it is found to be granted
    granted = house.buyer(1)
    await house.admit()
    assert house.buyer(1) == granted
    overview = await house.one.overview(house.concert_id)
    assert overview is not None
    assert (overview.active, overview.waiting) == (1, 0)


async def test_on_a_lock_wait_the_others_are_granted_one_by_one(house: House) -> None:
    await joined(house, 3)

    def locked(transaction: Transaction[Any]) -> NotCommitted | None:
        return NotCommitted("lock wait") if BuyerId(house.concert_id, fan(2)) in transaction.needs().buyers else None

    house.database.faults.extend([locked, locked])
    assert await house.admit() == 3  # the second one's lock was gone by the next round
    assert house.one.metrics.counts["concert_admission_failures_total"] == 2
    assert passes(house, 3) == [True, True, True]


async def test_who_left_before_the_grant_gets_no_pass_and_the_slot_goes_on(house: House) -> None:
    house.set_queue(capacity=1)
    await joined(house, 2)
    left = house.database.kind("buyers")
    buyer_id = BuyerId(house.concert_id, fan(1))
    await house.one.admission.tick(AdmissionTick(at=QueueEpoch(house.concert_id, 1), levers=Levers(capacity=1, rate=1000, admitting=True)))
    left[buyer_id] = Buyer(id=buyer_id).leave(place_of(1, 1))
    assert await house.admit() == 1
    assert passes(house, 2) == [False, True]


async def test_what_was_counted_in_another_epoch_grants_nothing(house: House) -> None:
    await joined(house, 2)
    house.database.put("queues", house.concert_id, house.queue.raise_epoch(1))
    assert await house.admit() == 0
    assert passes(house, 2) == [False, False]
    assert house.queue.epoch == 3  # the store was loaded anew, in an epoch of its own
    await house.until_all_came_back()
    assert await house.admit() == 2


async def test_a_process_that_has_not_heard_of_the_new_epoch_grants_nothing_in_the_old(house: House) -> None:
    stale = house.process(house.one.store, fresh_for=60)
    house.set_queue(capacity=1)
    await joined(house, 2)
    assert await stale.admit() == 1
    house.set_queue(capacity=2)
    house.database.put("queues", house.concert_id, house.queue.raise_epoch(1))  # and whoever raised it loads nothing yet
    await house.one.operate.set_levers(house.concert_id, capacity=2)
    before = house.buyer(2)
    at = QueueEpoch(house.concert_id, 1)
    await house.one.admission.tick(AdmissionTick(at=at, levers=Levers(capacity=2, rate=1000, admitting=True)))
    assert await stale.admit() == 0
    assert house.buyer(2) is before is None
    assert house.queue.epoch == 3


def test_a_grant_of_another_epoch_changes_no_row() -> None:
    concert_id, person = ConcertId(UUID(int=1)), Taken(fan(1), place_of(1, 1))
    buyer_id = BuyerId(concert_id, fan(1))
    grant = GrantPasses(at=QueueEpoch(concert_id, 1), taken=(person,))
    queue = ConcertQueue(concert_id=concert_id, epoch=2, capacity=1, rate=1)
    now = datetime(2026, 5, 1, tzinfo=UTC)
    work = Work(now=now, loaded={"queues": {concert_id: queue}}, named={"queues": {concert_id}, "buyers": {buyer_id}})
    with pytest.raises(Stale):
        grant.decide(work)
    assert list(work.buyers.written()) == []
    assert grant.needs() == Needs(shard=concert_id, shared_queues=(concert_id,), buyers=(buyer_id,))


async def test_a_used_pass_frees_its_slot_at_the_next_tick_after_the_hint(house: House) -> None:
    house.set_queue(capacity=1)
    await joined(house, 2)
    await house.admit()
    use(house, 1)
    assert await house.admit() == 0
    await house.one.checks.put(BuyerId(house.concert_id, fan(1)))
    await asyncio.sleep(0.02)
    assert await house.admit() == 1
    assert passes(house, 2) == [False, True]


async def test_a_lost_hint_is_made_up_for_by_the_sweep(house: House) -> None:
    house.one = house.process(house.one.store, sweep_every=0)
    house.set_queue(capacity=1)
    await joined(house, 2)
    await house.admit()
    use(house, 1)
    assert await house.admit() + await house.admit() == 1
    assert passes(house, 2) == [False, True]


async def test_a_hint_about_a_pass_that_lives_frees_nothing(house: House) -> None:
    house.set_queue(capacity=1)
    await joined(house, 2)
    await house.admit()
    await house.one.checks.put(BuyerId(house.concert_id, fan(1)))
    await asyncio.sleep(0.02)
    assert await house.admit() == 0
    assert passes(house, 2) == [True, False]


def use(house: House, number: int) -> None:
    buyer = house.buyer(number)
    assert buyer is not None
    house.database.put("buyers", buyer.id, buyer.end_pass(buyer.pass_place, PassEnd.USED))


async def run_slots_out(house: House) -> None:
    """In the store, every slot's time is over; the rows have their own."""
    members: Any = await house.one.store.client.zrange(house.key("active"), 0, -1)
    await house.one.store.client.zadd(house.key("active"), dict.fromkeys(members, 1))


async def test_a_pass_that_ran_out_ends_in_its_row_and_makes_room(house: House) -> None:
    house.set_queue(capacity=1)
    await joined(house, 2)
    await house.admit()
    house.clock.ahead += timedelta(minutes=11)
    house.set_sale()
    await run_slots_out(house)
    assert await house.admit() == 1
    first = house.buyer(1)
    assert first is not None
    assert first.ended is PassEnd.EXPIRED
    assert passes(house, 2) == [False, True]


async def test_a_slot_that_ran_out_before_its_pass_is_kept_with_the_row_s_deadline(house: House) -> None:
    house.set_queue(capacity=1)
    await joined(house, 2)
    await house.admit()
    buyer = house.buyer(1)
    assert buyer is not None
    held_until = house.clock.now() + timedelta(minutes=20)
    held = buyer.hold(ReservationId(house.concert_id, house.concert_id, house.concert_id), 1, held_until)
    house.database.put("buyers", buyer.id, held)
    await run_slots_out(house)
    assert await house.admit() == 0
    assert passes(house, 2) == [True, False]
    slots: Any = await house.one.store.client.zrange(house.key("active"), 0, -1, withscores=True)
    ((_, deadline),) = slots
    assert held.deadline is not None
    assert abs(deadline / 1000 - (held.deadline - house.clock.ahead).timestamp()) < 1


async def test_two_processes_at_once_admit_nobody_twice_and_not_one_too_many(house: House) -> None:
    house.set_queue(capacity=30)
    await joined(house, 60)
    other = house.process(house.one.store)
    for _ in range(5):
        await asyncio.gather(house.one.admit(), other.admit())
    assert passes(house, 60) == [True] * 30 + [False] * 30
    assert house.live_passes() == 30


async def test_a_concert_in_which_nobody_was_ever_numbered_costs_a_tick_nothing(house: House) -> None:
    assert await house.admit() == 0
    assert house.queue.epoch == 0
    assert await house.one.store.client.keys("*") == []


async def test_a_restart_of_the_store_is_recovered_by_the_tick_itself(house: House) -> None:
    house.set_queue(capacity=2)
    tokens = await joined(house, 4)
    assert await house.admit() == 2
    await house.forget_everything()
    assert await house.admit() == 0
    assert house.queue.epoch == 2
    await house.join(9)
    for n, value in enumerate(tokens, start=1):
        assert (await house.show(n, value)).token.place == place_of(1, n)
    await house.until_all_came_back()
    assert await house.admit() == 0  # both passes live on, in their slots
    house.set_queue(capacity=3)
    assert await house.admit() == 1
    assert passes(house, 4) == [True, True, True, False]


async def test_while_the_line_is_away_a_tick_admits_nobody_and_goes_on_later(house: House) -> None:
    await joined(house, 1)
    house.take_line_away()
    assert await house.admit() == 0
    house.bring_line_back()
    assert await house.admit() == 1


async def test_after_the_sale_nothing_is_left(house: House) -> None:
    await joined(house, 3)
    await house.admit()
    house.set_sale(closes_in=-1)
    await house.admit()
    assert await house.one.store.client.keys("*") == []
