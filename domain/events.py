"""What happened, in the past tense. Each is heard by the listeners that ``application.event_listeners`` lists."""

from dataclasses import dataclass
from datetime import datetime

from domain.ids import ReservationId, TopUpId
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
class CardPaymentRequested(Event):
    """The hold is pinned and the gateway is to be asked."""

    payment: Payment


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUpRequested(Event):
    """The gateway is to be asked."""

    id: TopUpId


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundBegun(Event):
    """A payment that stood is to be given back: from here on its tickets open no door."""

    payment: Payment

    @property
    def reservation_id(self) -> ReservationId:
        return self.payment.reservation_id


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRefused(Event):
    """The gateway has refused a refund for good: the payment stands again, and so do its tickets."""

    payment: Payment

    @property
    def reservation_id(self) -> ReservationId:
        return self.payment.reservation_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeReturned(Event):
    """Money that was taken for a reservation that could no longer be confirmed is back with its owner."""

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
