"""The sagas whose crash points are enumerated."""

from collections.abc import Mapping

from tests.chaos.late_sagas import LateCharge, LateSuccess, LateSuccessSeatsTaken, LateTopUp
from tests.chaos.sagas import (
    CancelledPerformance,
    CardPayment,
    CardRefund,
    DeclinedCard,
    MixedPayment,
    NotificationChain,
    PointsPayment,
    PointsRefund,
    Saga,
    TopUp,
)

SAGAS: Mapping[str, Saga] = {
    "points payment": PointsPayment(),
    "card payment": CardPayment(),
    "mixed payment": MixedPayment(),
    "declined card": DeclinedCard(),
    "late success, seats free": LateSuccess(),
    "late success, seats taken": LateSuccessSeatsTaken(),
    "late charge of a failed attempt": LateCharge(),
    "late top-up": LateTopUp(),
    "refund by card": CardRefund(),
    "refund of points": PointsRefund(),
    "top-up": TopUp(),
    "cancelled performance": CancelledPerformance(),
    "notification chain": NotificationChain(),
}
