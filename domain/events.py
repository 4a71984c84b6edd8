"""What happened, in the past tense. Each is heard by the listeners that ``application.event_listeners`` lists."""

from dataclasses import dataclass
from datetime import datetime

from domain.ids import ReservationId
from domain.payment import Payment


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCompleted(Event):
    payment: Payment

    @property
    def reservation_id(self) -> ReservationId:
        return self.payment.reservation_id


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCancelled(Event):
    """A payment that stood was refunded in full."""

    payment: Payment

    @property
    def reservation_id(self) -> ReservationId:
        return self.payment.reservation_id
