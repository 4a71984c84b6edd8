import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from application.queueing.join_queue import JoinQueueCommand
from domain.buyer import Buyer, PassEnd
from domain.concert_queue import QueueStatus
from domain.errors import (
    ConcertNotFound,
    QueueTokenInvalid,
    QueueTokenProblem,
    SalesClosed,
    SalesClosedReason,
    SalesNotOpen,
    ServiceUnavailable,
)
from domain.ids import BuyerId, ConcertId
from domain.queue_token import QueueCondition, QueuePhase, QueueTokenState, place_of
from tests.application.queueing.house import TOKENS, House, fan


async def test_the_first_one_opens_the_queue_at_once(house: House) -> None:
    standing = await house.join(1)
    assert house.queue.epoch == 1
    assert (standing.state, standing.phase, standing.condition) == (QueueTokenState.WAITING, QueuePhase.OPEN, QueueCondition.LIVE)
    assert (standing.position, standing.token.place, standing.estimated_wait_seconds) == (1, place_of(1, 1), None)
    assert TOKENS.read(standing.value) == standing.token
    assert await house.admit() == 1


async def test_a_hundred_first_ones_at_once_open_one_epoch_and_each_gets_a_place(house: House) -> None:
    house.one = house.process(house.one.store, fresh_for=1.0)
    standings = await asyncio.gather(*(house.join(n) for n in range(100)))
    assert house.queue.epoch == 1
    assert sorted(standing.token.place for standing in standings) == [place_of(1, n + 1) for n in range(100)]
    later = await asyncio.gather(*(house.join(n) for n in range(100, 200)))
    assert [standing.token.place for standing in later] == [place_of(1, n + 1) for n in range(100, 200)]


async def test_joining_again_and_in_a_second_tab_gives_the_same_place(house: House) -> None:
    first = await house.join(1)
    await house.join(2)
    assert (await house.join(1)).token.place == first.token.place
    resumed = await house.join(1, first.value)
    assert resumed.token == first.token
    assert (await house.one.overview(house.concert_id)).waiting == 2  # type: ignore[union-attr]


async def test_who_is_admitted_and_joins_again_is_told_so(house: House) -> None:
    first = await house.join(1)
    await house.admit()
    again = await house.join(1)
    buyer = house.buyer(1)
    assert buyer is not None
    assert (again.state, again.token.place, again.expires_at) == (QueueTokenState.ACTIVE, first.token.place, buyer.deadline)


async def test_who_has_used_a_pass_starts_at_the_end_even_before_its_slot_was_freed(house: House) -> None:
    await house.join(1)
    await house.admit()
    buyer = house.buyer(1)
    assert buyer is not None
    house.database.put("buyers", buyer.id, buyer.end_pass(buyer.pass_place, PassEnd.USED))
    house.set_queue(capacity=0)
    await house.join(2)
    again = await house.join(1)
    assert (again.state, again.position) == (QueueTokenState.WAITING, 2)


async def test_who_let_a_pass_run_out_starts_at_the_end_and_the_row_says_it_expired(house: House) -> None:
    await house.join(1)
    await house.admit()
    house.clock.ahead += timedelta(minutes=11)
    again = await house.join(1)
    assert (again.state, again.token.place) == (QueueTokenState.WAITING, place_of(1, 2))
    assert (house.buyer(1) or Buyer(id=BuyerId(house.concert_id, fan(1)))).ended is PassEnd.EXPIRED


async def test_a_spent_resume_token_starts_at_the_end(house: House) -> None:
    first = await house.join(1)
    await house.leave(1, first.value)
    assert (await house.join(1, first.value)).token.place == place_of(1, 2)


async def test_before_the_sale_people_gather_without_a_position_and_nobody_is_admitted(house: House) -> None:
    house.set_sale(opens_in=60)
    standing = await house.join(1)
    assert (standing.phase, standing.position, standing.token.place) == (QueuePhase.GATHERING, None, place_of(1, 1))
    assert await house.admit() == 0
    house.set_sale()
    assert (await house.show(1, standing.value)).position == 1
    assert await house.admit() == 1


async def test_outside_of_the_sale_nobody_joins(house: House) -> None:
    house.set_sale(gathers_in=30, opens_in=60)
    with pytest.raises(SalesNotOpen) as early:
        await house.join(1)
    assert early.value.sales_open_at == house.view.concerts[house.concert_id].sales_open_at
    house.set_sale(closes_in=-1)
    assert await reason(house) is SalesClosedReason.ENDED
    house.set_sale()
    house.view.sold_out.add(house.concert_id)
    assert await reason(house) is SalesClosedReason.SOLD_OUT
    await house.one.operate.close(house.concert_id)
    assert await reason(house) is SalesClosedReason.CLOSED_BY_OPERATOR
    assert house.queue.epoch == 0


async def reason(house: House) -> SalesClosedReason:
    with pytest.raises(SalesClosed) as closed:
        await house.join(1)
    return closed.value.reason


async def test_an_unknown_concert_is_told_so(house: House) -> None:
    with pytest.raises(ConcertNotFound):
        await house.one.join(JoinQueueCommand(user_id=fan(1), concert_id=ConcertId(UUID(int=404))))


async def test_another_s_token_is_not_resumed(house: House) -> None:
    first = await house.join(1)
    with pytest.raises(QueueTokenInvalid) as refused:
        await house.join(2, first.value)
    assert refused.value.reason is QueueTokenProblem.WRONG_USER
    with pytest.raises(QueueTokenInvalid) as malformed:
        await house.join(2, "nonsense")
    assert malformed.value.reason is QueueTokenProblem.MALFORMED
    assert (await house.join(3)).token.place == place_of(1, 2)


async def test_while_the_line_is_away_only_who_has_a_pass_gets_an_answer(house: House) -> None:
    await house.join(1)
    await house.admit()
    house.take_line_away()
    admitted = await house.join(1)
    assert (admitted.state, admitted.condition) == (QueueTokenState.ACTIVE, QueueCondition.UNAVAILABLE)
    with pytest.raises(ServiceUnavailable):
        await house.join(2)
    assert house.buyer(2) is None


async def test_while_the_database_is_away_nobody_new_opens_a_queue(house: House) -> None:
    house.view.away = True
    with pytest.raises(ServiceUnavailable):
        await house.join(1)
    house.view.away = False
    await house.join(1)
    house.view.away = True
    assert (await house.join(2)).position == 2  # the line goes on with what was known of the sale


async def test_a_closed_queue_is_not_opened_by_whoever_finds_it_empty(house: House) -> None:
    standing = await house.join(1)
    await house.one.operate.close(house.concert_id)
    shown = await house.show(1, standing.value)
    assert (shown.phase, shown.state, shown.position) == (QueuePhase.CLOSED, QueueTokenState.WAITING, None)
    assert await house.admit() == 0
    assert (house.queue.epoch, house.queue.status) == (1, QueueStatus.CLOSED)
    assert await house.one.store.client.keys("*") == []
