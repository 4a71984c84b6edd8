"""Paying by card at the box office: the transactions of its saga, run on a database, and the rows they leave."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from adapters.sql.booking_view import SqlBookingView
from adapters.sql.database import Database
from adapters.sql.unit_of_work import SqlUnitOfWork
from application.booking.cancel_reservation import CancelFoundReservation, Cancellation, CancelReservationCommand
from application.booking.pay import PayCommand
from application.booking.pay_by_card import PinHold
from application.booking.prepare_payment import MintOrder, PreparePaymentCommand
from application.ports.unit_of_work import Needs, ResultT, Transaction
from application.recovery.expire_holds import ExpireHold
from application.work import Work
from domain.concert import PerformanceStatus
from domain.ids import BuyerId, PaymentId, ReservationId, SeatId, UserId
from domain.money import Won
from domain.payment import Payment, PaymentMethod
from domain.reservation import Reservation
from tests.adapters.sql.box_office import CONCERT, PERFORMANCE, fan, hold, token, transactor
from tests.adapters.sql.transactions import Plain
from tests.contracts.clocks import FixedClock

FAN, RIVAL = fan(0), fan(1)
CARD_KEY = "payment-key"


def attempt(number: int = 1) -> PaymentId:
    return PaymentId(*PERFORMANCE, UUID(int=0xA77E_0000 + number))


def mint(reservation_id: ReservationId, points: int, payment_id: PaymentId, user_id: UserId = FAN) -> MintOrder:
    command = PreparePaymentCommand(user_id=user_id, reservation_id=reservation_id, queue_token="", points=Won(points))
    return MintOrder(command=command, shown_token=token(user_id), payment_id=payment_id)


def pin(reservation_id: ReservationId, payment_id: PaymentId, *, payment_key: str = CARD_KEY, user_id: UserId = FAN) -> PinHold:
    command = PayCommand(
        user_id=user_id,
        reservation_id=reservation_id,
        queue_token="",
        idempotency_key=str(payment_id.payment),
        method=PaymentMethod.CARD,
    )
    return PinHold(command=command, shown_token=token(user_id), payment_id=payment_id, payment_key=payment_key)


@dataclass
class CardDesk:
    database: Database
    unit_of_work: SqlUnitOfWork
    clock: FixedClock

    async def run(self, transaction: Transaction[ResultT]) -> ResultT:
        return await transactor(self.unit_of_work).run(transaction)

    async def held(self, *seats: SeatId, user_id: UserId = FAN) -> ReservationId:
        return await self.run(hold(user_id, *seats))

    async def pinned(self, reservation_id: ReservationId, points: int, payment_id: PaymentId) -> None:
        await self.run(mint(reservation_id, points, payment_id))
        assert await self.run(pin(reservation_id, payment_id)) == payment_id

    async def payment(self, payment_id: PaymentId) -> Payment:
        [found] = await SqlBookingView(self.database).payments_by_id([payment_id])
        assert found is not None
        return found

    async def reservation(self, reservation_id: ReservationId) -> Reservation:
        [found] = await SqlBookingView(self.database).reservations_by_id([reservation_id])
        assert found is not None
        return found

    async def settle(self, settlement: type[Any], payment_id: PaymentId, **facts: Any) -> Any:
        return await self.run(await self.settlement(settlement, payment_id, **facts))

    async def settlement(self, settlement: type[Any], payment_id: PaymentId, **facts: Any) -> Any:
        payment = await self.payment(payment_id)
        return settlement(payment=payment, reservation=await self.reservation(payment.reservation_id), **facts)

    async def run_out(self, reservation_id: ReservationId) -> None:
        """To the end of the hold, pinned or not, and past the sweeper."""
        reservation = await self.reservation(reservation_id)
        self.clock.move(reservation.expires_at - self.clock.now())
        await self.run(ExpireHold(found=reservation))

    async def cancel(self, reservation_id: ReservationId, key: str) -> Cancellation:
        command = CancelReservationCommand(user_id=FAN, reservation_id=reservation_id, idempotency_key=key)
        return await self.run(CancelFoundReservation(command=command, found=await self.reservation(reservation_id)))

    async def call_off(self) -> None:
        def change(work: Work) -> None:
            work.performances.change(replace(work.performances.get(PERFORMANCE), status=PerformanceStatus.CANCELLED))

        await self.run(Plain(Needs(shard=CONCERT, performances=(PERFORMANCE,)), change))

    async def admit_again(self, user_id: UserId) -> None:
        """Another ten minutes under the same pass."""
        until = self.clock.now() + timedelta(minutes=10)
        key = BuyerId(CONCERT, user_id)

        def change(work: Work) -> None:
            work.buyers.change(replace(work.buyers.get(key), first_deadline=until, deadline=until))

        await self.run(Plain(Needs(shard=CONCERT, buyers=(key,)), change))
