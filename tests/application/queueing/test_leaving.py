from datetime import timedelta
from uuid import UUID

import pytest

from domain.buyer import PassEnd
from domain.errors import QueueTokenInvalid, QueueTokenProblem
from domain.ids import BuyerId, PaymentId, PerformanceId, ReservationId, SeatId
from domain.money import Won
from domain.queue_token import QueueCondition, QueuePhase, QueueTokenState, place_of
from domain.reservation import Reservation, ReservationStatus
from domain.seat import Seat, SeatStatus
from tests.application.queueing.house import House, fan


def hold(house: House, number: int, payment_id: PaymentId | None = None) -> Reservation:
    buyer = house.buyer(number)
    assert buyer is not None
    performance = PerformanceId(house.concert_id, UUID(int=70))
    seat_id = SeatId(*performance, UUID(int=71))
    reservation = Reservation(
        id=ReservationId(*performance, UUID(int=72)),
        user_id=buyer.id.user_id,
        seat_ids=(seat_id,),
        total_price=Won(1000),
        status=ReservationStatus.PENDING,
        expires_at=house.clock.now() + timedelta(minutes=5),
        pass_place=buyer.pass_place,
        created_at=house.clock.now(),
        payment_id=payment_id,
    )
    seat = Seat(id=seat_id, section="A", row="1", number=1, grade="R", price=Won(1000))
    house.database.put("seats", seat_id, seat.hold(reservation.id, reservation.expires_at))
    house.database.put("reservations", reservation.id, reservation)
    house.database.put("buyers", buyer.id, buyer.hold(reservation.id, 1, reservation.expires_at))
    return reservation


async def test_leaving_the_line_is_a_row_and_everyone_moves_up(house: House) -> None:
    first, second = await house.join(1), await house.join(2)
    left = await house.leave(1, first.value)
    assert (left.state, left.position) == (QueueTokenState.LEFT, None)
    buyer = house.buyer(1)
    assert buyer is not None
    assert (buyer.highest_spent_place, buyer.pass_place) == (place_of(1, 1), 0)
    assert (await house.show(2, second.value)).position == 1
    assert (await house.show(1, first.value)).state is QueueTokenState.LEFT


async def test_leaving_with_a_pass_ends_it_and_its_slot_goes_on_at_once(house: House) -> None:
    house.set_queue(capacity=1)
    first = await house.join(1)
    await house.join(2)
    await house.admit()
    assert (await house.leave(1, first.value)).state is QueueTokenState.LEFT
    assert await house.admit() == 1
    assert house.live_passes() == 1
    buyer = house.buyer(1)
    assert buyer is not None
    assert buyer.ended is PassEnd.LEFT


async def test_leaving_with_an_open_hold_cancels_it(house: House) -> None:
    first = await house.join(1)
    await house.admit()
    held = hold(house, 1)
    await house.leave(1, first.value)
    assert house.database.kind("reservations")[held.id].status is ReservationStatus.CANCELLED
    (seat,) = house.database.kind("seats").values()
    assert (seat.status, seat.reservation_id) == (SeatStatus.AVAILABLE, None)
    buyer = house.buyer(1)
    assert buyer is not None
    assert (buyer.held, buyer.open_reservation_id) == (0, None)


async def test_a_hold_that_has_run_out_expires_with_the_leaving(house: House) -> None:
    first = await house.join(1)
    await house.admit()
    held = hold(house, 1)
    house.clock.ahead += timedelta(minutes=6)
    await house.leave(1, first.value)
    assert house.database.kind("reservations")[held.id].status is ReservationStatus.EXPIRED


async def test_a_hold_that_is_being_paid_outlives_the_leaving(house: House) -> None:
    first = await house.join(1)
    await house.admit()
    held = hold(house, 1, PaymentId(house.concert_id, UUID(int=70), UUID(int=80)))
    assert (await house.leave(1, first.value)).state is QueueTokenState.LEFT
    assert house.database.kind("reservations")[held.id].status is ReservationStatus.PENDING
    (seat,) = house.database.kind("seats").values()
    assert seat.status is SeatStatus.HELD


async def test_leaving_twice_is_leaving_once(house: House) -> None:
    first = await house.join(1)
    await house.leave(1, first.value)
    buyer = house.buyer(1)
    assert (await house.leave(1, first.value)).state is QueueTokenState.LEFT
    assert house.buyer(1) == buyer


async def test_a_spent_token_gives_up_nothing_that_was_reached_since(house: House) -> None:
    first = await house.join(1)
    await house.leave(1, first.value)
    again = await house.join(1)
    assert (await house.leave(1, first.value)).state is QueueTokenState.LEFT
    assert (await house.show(1, again.value)).position == 1
    await house.admit()
    assert (await house.leave(1, first.value)).state is QueueTokenState.EXPIRED
    assert (await house.show(1, again.value)).state is QueueTokenState.ACTIVE


async def test_leaving_counts_while_the_line_is_away(house: House) -> None:
    house.set_queue(capacity=1)
    first, second = await house.join(1), await house.join(2)
    house.take_line_away()
    left = await house.leave(1, first.value)
    assert (left.state, left.condition) == (QueueTokenState.LEFT, QueueCondition.UNAVAILABLE)
    house.bring_line_back()
    assert (await house.admit(), await house.admit()) == (1, 0)
    assert house.live_passes() == 1
    assert (await house.show(2, second.value)).state is QueueTokenState.ACTIVE
    buyer = house.buyer(1)
    assert buyer is not None
    assert not buyer.has_live_pass(house.clock.now())


async def test_leaving_a_closed_queue_is_written_down(house: House) -> None:
    first = await house.join(1)
    await house.one.operate.close(house.concert_id)
    left = await house.leave(1, first.value)
    assert (left.state, left.phase) == (QueueTokenState.LEFT, QueuePhase.CLOSED)


async def test_nobody_leaves_for_another(house: House) -> None:
    first = await house.join(1)
    with pytest.raises(QueueTokenInvalid) as refused:
        await house.leave(2, first.value)
    assert refused.value.reason is QueueTokenProblem.WRONG_USER
    assert (await house.show(1, first.value)).position == 1
    assert house.database.kind("buyers").get(BuyerId(house.concert_id, fan(1))) is None
