"""Holding seats."""

from dataclasses import dataclass
from datetime import timedelta

from application.ports.clock import Clock
from application.ports.id_generator import IdGenerator
from application.ports.seat_holders import SeatHolders
from application.ports.unit_of_work import Needs
from application.queueing.queue_tokens import QueueTokens
from application.release_hold import release_hold
from application.retrying import Retrying
from application.transactor import Transactor
from application.work import Work
from domain.contact import Contact
from domain.errors import SeatsUnavailable, Stale, Step
from domain.idempotency import IdempotencyKey, fingerprint_of
from domain.ids import BuyerId, PerformanceId, ReservationId, SeatId, UserId
from domain.money import total
from domain.queue_token import ShownToken, place_shown
from domain.reservation import HOLD_DURATION, Reservation, ReservationStatus
from domain.seat import Seat, SeatStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldSeatsCommand:
    """``seat_ids`` are without repeats; none but the performance's own can be had. ``phone`` is the access token's, if it names one."""

    user_id: UserId
    performance_id: PerformanceId
    seat_ids: tuple[SeatId, ...]
    queue_token: str
    idempotency_key: str
    phone: str | None = None

    @property
    def buyer_id(self) -> BuyerId:
        return BuyerId(self.performance_id.concert_id, self.user_id)

    @property
    def idempotency(self) -> IdempotencyKey:
        return IdempotencyKey(self.performance_id.concert_id, self.user_id, "hold", self.idempotency_key)

    @property
    def seats_there(self) -> tuple[SeatId, ...]:
        return tuple(seat_id for seat_id in self.seat_ids if seat_id.performance_id == self.performance_id)

    @property
    def fingerprint(self) -> bytes:
        return fingerprint_of(*self.performance_id, *sorted(seat_id.seat for seat_id in self.seat_ids))


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldSeatsForBuyer:
    """All of the seats are held for one buyer, or none is. Holds that have run out make way."""

    command: HoldSeatsCommand
    shown_token: ShownToken
    reservation_id: ReservationId
    duration: timedelta
    overdue: tuple[Reservation, ...]

    def needs(self) -> Needs:
        command = self.command
        return Needs(
            shard=command.performance_id.concert_id,
            shared_performances=(command.performance_id,),
            buyers=tuple({command.buyer_id, *(old.buyer_id for old in self.overdue)}),
            reservations=tuple({old.id for old in self.overdue}),
            seats=command.seats_there,
            idempotency=(command.idempotency,),
            contacts=(command.user_id,) if command.phone else (),
        )

    def decide(self, work: Work) -> ReservationId:
        command = self.command
        if earlier := work.idempotency.earlier_result(command.idempotency, command.fingerprint):
            return ReservationId(command.performance_id.concert_id, *earlier)
        performance = work.performances.on_offer(command.performance_id)
        performance.ensure_on_sale(work.now)
        place = place_shown(self.shown_token, command.buyer_id)
        work.buyers.of(command.buyer_id).ensure_admitted(place, work.now)
        self._make_way(work)
        buyer = work.buyers.of(command.buyer_id)
        buyer.ensure_may_hold(len(command.seat_ids), performance.purchase_limit, work.now)
        reservation = self._reserve(self._free_seats(work), place, work)
        work.buyers.change(buyer.hold(reservation.id, len(reservation.seat_ids), reservation.expires_at))
        work.remember(command.idempotency, command.fingerprint, reservation.id[1:])
        return reservation.id

    def _make_way(self, work: Work) -> None:
        """Each hold that was found to have run out is ended here, if nobody has ended it meanwhile."""
        for found in self.overdue:
            old = work.reservations.get(found.id)
            if old.is_overdue(work.now):
                release_hold(old.expire(work.now), work)

    def _free_seats(self, work: Work) -> list[Seat]:
        """Raises SeatsUnavailable with the seats that are taken, Stale if one's hold ran out since it was looked at."""
        there = {seat_id: work.seats.find(seat_id) for seat_id in self.command.seats_there}
        seats = {seat_id: there.get(seat_id) for seat_id in self.command.seat_ids}
        free = [seat for seat in seats.values() if seat is not None and seat.status is SeatStatus.AVAILABLE]
        if len(free) == len(seats):
            return free
        taken = tuple(seat_id for seat_id, seat in seats.items() if seat is None or seat.status_at(work.now) is not SeatStatus.AVAILABLE)
        if not taken:
            raise Stale("a hold has run out since it was looked at")
        raise SeatsUnavailable(taken)

    def _reserve(self, seats: list[Seat], place: int, work: Work) -> Reservation:
        command = self.command
        reservation = Reservation(
            id=self.reservation_id,
            user_id=command.user_id,
            seat_ids=command.seat_ids,
            total_price=total(seat.price for seat in seats),
            status=ReservationStatus.PENDING,
            expires_at=work.now + self.duration,
            pass_place=place,
            created_at=work.now,
        )
        for seat in seats:
            work.seats.change(seat.hold(reservation.id, reservation.expires_at))
        work.reservations.add(reservation)
        if command.phone:
            remember_phone(command.user_id, command.phone, work)
        return reservation


def remember_phone(user_id: UserId, phone: str, work: Work) -> None:
    """The access token's number, unless the person has chosen another here."""
    known = work.contacts.find(user_id)
    if known is None or (not known.chosen and known.phone != phone):
        work.contacts.save(Contact(user_id=user_id, phone=phone, chosen=False))


class HoldSeats:
    def __init__(
        self,
        transactor: Transactor,
        retrying: Retrying,
        tokens: QueueTokens,
        holders: SeatHolders,
        clock: Clock,
        ids: IdGenerator,
        duration: timedelta = HOLD_DURATION,
    ) -> None:
        self._transactor = transactor
        self._retrying = retrying
        self._tokens = tokens
        self._holders = holders
        self._clock = clock
        self._ids = ids
        self._duration = duration

    async def __call__(self, command: HoldSeatsCommand) -> ReservationId:
        """Holds all of the seats for five minutes, or none. The same key gives the same reservation."""
        reservation_id = ReservationId(*command.performance_id, self._ids.new_id())
        try:
            return await self._retrying(Step.PAYMENT, lambda: self._attempt(command, reservation_id))
        except Stale as stale:
            raise SeatsUnavailable(command.seat_ids) from stale

    async def _attempt(self, command: HoldSeatsCommand, reservation_id: ReservationId) -> ReservationId:
        """Most seats are free or truly taken; only where a hold has run out is its reservation looked up."""
        try:
            return await self._hold(command, reservation_id, overdue=())
        except Stale:
            return await self._hold(command, reservation_id, overdue=await self._overdue(command))

    async def _hold(self, command: HoldSeatsCommand, reservation_id: ReservationId, overdue: tuple[Reservation, ...]) -> ReservationId:
        transaction = HoldSeatsForBuyer(
            command=command,
            shown_token=self._tokens.examine(command.queue_token),
            reservation_id=reservation_id,
            duration=self._duration,
            overdue=overdue,
        )
        return await self._transactor.run(transaction)

    async def _overdue(self, command: HoldSeatsCommand) -> tuple[Reservation, ...]:
        """Holds in the way that have run out: other people's on these seats, and one's own."""
        now = self._clock.now()
        found = {old.id: old for old in await self._holders.overdue_on(command.seat_ids, now)}
        own = await self._holders.open_hold(command.buyer_id)
        if own is not None and own.is_overdue(now):
            found[own.id] = own
        return tuple(found.values())
