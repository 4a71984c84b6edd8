"""The pay use case, put together as the container does it, on the unit of work for MySQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from adapters.sql.database import database_at
from adapters.sql.unit_of_work import SqlUnitOfWork
from adapters.system.clock import SystemClock
from adapters.system.ids import Uuid7Generator
from adapters.system.jitter import RandomJitter
from adapters.system.sleeper import AsyncioSleeper
from adapters.telemetry.metrics import PrometheusMetrics
from application.booking.pay import Pay as PayUseCase
from application.booking.pay import PayCommand
from application.event_listeners import LISTENERS
from application.queueing.queue_tokens import QueueTokens
from application.retrying import Retrying
from application.transactor import Transactor
from benchmarks.payment.house import CONCERT, PERFORMANCE, PLACE, Booking
from benchmarks.payment.rounds import Pay
from domain.ids import BuyerId, ConcertId, ReservationId, UserId
from domain.queue_token import ONLY_LANE, QueueToken


class NobodyListens:
    """Hints of a process without roles: neither queue nor relay is measured here."""

    async def check_pass(self, buyer_id: BuyerId) -> None:
        return None

    async def wake_relay(self) -> None:
        return None

    async def wake_gateway(self) -> None:
        return None


@asynccontextmanager
async def opened_use_case(url: str) -> AsyncIterator[Pay]:
    """What a payment costs here includes signing the queue token that a fan would bring along."""
    database = database_at(url)
    metrics = PrometheusMetrics()
    unit_of_work = SqlUnitOfWork(database, SystemClock(), metrics)
    tokens = QueueTokens({"bench": b"a key of thirty-two bytes or more"})
    pay = PayUseCase(
        Transactor(unit_of_work, LISTENERS, NobodyListens(), metrics),
        Retrying(AsyncioSleeper(), RandomJitter(), metrics),
        tokens,
        Uuid7Generator(),
    )
    entered_at = datetime.now(UTC)

    async def pay_for(booking: Booking) -> None:
        concert_id, user_id = ConcertId(CONCERT), UserId(booking.user_id)
        token = QueueToken(concert_id=concert_id, user_id=user_id, lane=ONLY_LANE, place=PLACE, entered_at=entered_at)
        await pay(
            PayCommand(
                user_id=user_id,
                reservation_id=ReservationId(concert_id, PERFORMANCE, booking.reservation_id),
                queue_token=tokens.sign(token),
                idempotency_key=str(booking.n),
            )
        )

    await unit_of_work.open()
    try:
        yield pay_for
    finally:
        await unit_of_work.close()
        await database.close()
