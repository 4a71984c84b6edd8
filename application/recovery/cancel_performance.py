"""Cancelling a performance: the sale stops at once, then every reservation is given back, again and again until none is left."""

from dataclasses import dataclass, replace

from application.all_of import all_of
from application.booking.card_payments import begin_refund, errand_id
from application.ports.performance_refunds import PerformanceRefunds
from application.ports.unit_of_work import Needs
from application.release_hold import release_hold
from application.retrying import Retrying
from application.transactor import Transactor
from application.work import Work
from domain.concert import PerformanceStatus
from domain.errors import ServiceUnavailable, Stale, Step
from domain.gateway_errand import ErrandKind
from domain.ids import PerformanceId
from domain.reservation import Reservation, ReservationStatus
from domain.ticket import ticket_id

BATCH = 200
PERFORMANCES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkCancelled:
    """Everyone's decision holds a shared lock on this row: once it is written, nothing more is sold."""

    performance_id: PerformanceId

    def needs(self) -> Needs:
        return Needs(shard=self.performance_id.concert_id, performances=(self.performance_id,))

    def decide(self, work: Work) -> bool:
        """Whether it was this that cancelled it."""
        performance = work.performances.on_offer(self.performance_id)
        if performance.status is PerformanceStatus.CANCELLED:
            return False
        work.performances.change(replace(performance, status=PerformanceStatus.CANCELLED))
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveBackReservation:
    """A hold is let go, a payment goes back; what a gateway has not decided yet is left for the next pass."""

    found: Reservation

    def needs(self) -> Needs:
        found, payment_id = self.found, self.found.payment_id
        return Needs(
            shard=found.id.concert_id,
            shared_performances=(found.id.performance_id,),
            buyers=(found.buyer_id,),
            reservations=(found.id,),
            point_accounts=(found.user_id,) if payment_id else (),
            payments=(payment_id,) if payment_id else (),
            tickets=tuple(ticket_id(payment_id, seat_id) for seat_id in found.seat_ids) if payment_id else (),
            errands=(errand_id(payment_id, ErrandKind.CANCEL),) if payment_id else (),
        )

    def decide(self, work: Work) -> bool:
        """Whether something was given back, or begun to be."""
        reservation = work.reservations.get(self.found.id)
        if reservation.payment_id != self.found.payment_id:
            raise Stale("the reservation was paid since it was looked at")
        if reservation.status is ReservationStatus.CONFIRMED and reservation.payment_id is not None:
            begin_refund(work.payments.get(reservation.payment_id), work)
            return True
        if reservation.status is ReservationStatus.PENDING and reservation.open_payment_id is None:
            release_hold(reservation.cancel(), work)
            return True
        return False


class CancelPerformance:
    def __init__(self, transactor: Transactor, retrying: Retrying) -> None:
        self._transactor = transactor
        self._retrying = retrying

    async def __call__(self, performance_id: PerformanceId) -> bool:
        """Whether it was this call that cancelled it; the refunds follow by themselves. Raises PerformanceNotFound."""
        mark = MarkCancelled(performance_id=performance_id)
        return await self._retrying(Step.PAYMENT, lambda: self._transactor.run(mark))


class RefundCancelledPerformances:
    def __init__(self, transactor: Transactor, retrying: Retrying, refunds: PerformanceRefunds) -> None:
        self._transactor = transactor
        self._retrying = retrying
        self._refunds = refunds

    async def __call__(self) -> int:
        """One pass, resumed by whoever comes next; returns how many reservations it gave back or began to."""
        given = 0
        for performance_id in await self._refunds.unfinished(PERFORMANCES):
            found = await self._refunds.reservations_to_refund(performance_id, BATCH)
            given += sum(await all_of(*(self._give_back(reservation) for reservation in found)))
        return given

    async def _give_back(self, found: Reservation) -> bool:
        try:
            return await self._retrying(Step.PAYMENT, lambda: self._transactor.run(GiveBackReservation(found=found)))
        except (Stale, ServiceUnavailable):
            return False
