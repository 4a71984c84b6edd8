"""Orders, top-ups and errands to the card gateway: how an object becomes a row, and a row an object."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from adapters.sql.tables import CODE, PAYMENT_KEY
from application.ports.gateway_errands import NextStep
from domain.gateway_errand import ErrandId, ErrandKind, ErrandState, GatewayErrand
from domain.ids import ConcertId, ReservationId, TopUpId, UserId
from domain.money import Won
from domain.payment import PaymentStatus
from domain.payment_order import OrderKey, OrderPurpose, PaymentOrder
from domain.top_up import TopUp

Values = tuple[Any, ...]

CHANGING = ("state", "created_at", "next_step", "begun_at", "sends", "look_ups", "due_at", "lease_owner", "leased_until", "note")
"""Of an errand: all but what was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunErrand(GatewayErrand):
    """An errand as it was found under its lock: its successors keep how it was run, for whoever looks at it later."""

    next_step: NextStep
    begun_at: datetime | None
    sends: int
    look_ups: int
    note: str | None


def fitting_key(payment_key: str) -> str:
    """Raises ValueError where no column could keep it whole: SQLite would, MySQL would not."""
    if len(payment_key) > PAYMENT_KEY:
        raise ValueError(f"a payment key of {len(payment_key)} characters")
    return payment_key


def shortened(code: str) -> str:
    """What is said of an end must not stand in its way."""
    return code[:CODE]


def order_values(order: PaymentOrder) -> Values:
    reservation = order.reservation_id
    return (
        *order.key,
        order.purpose,
        order.user_id,
        reservation and reservation.performance,
        reservation and reservation.reservation,
        order.points,
        order.card_amount,
        order.created_at,
    )


def order_of(row: Row[Any]) -> PaymentOrder:
    return PaymentOrder(
        key=OrderKey(row.shard_key, row.attempt),
        purpose=OrderPurpose(row.purpose),
        user_id=UserId(row.user_id),
        reservation_id=row.reservation_id and ReservationId(ConcertId(row.shard_key), row.performance_id, row.reservation_id),
        points=Won(row.points),
        card_amount=Won(row.card_amount),
        created_at=row.created_at,
    )


def top_up_values(top_up: TopUp) -> Values:
    return (
        *top_up.id,
        top_up.amount,
        top_up.status,
        top_up.order_id,
        fitting_key(top_up.payment_key),
        top_up.requested_at,
        top_up.completed_at,
        top_up.decline_code and shortened(top_up.decline_code),
    )


def top_up_of(row: Row[Any]) -> TopUp:
    return TopUp(
        id=TopUpId(UserId(row.user_id), row.top_up_id),
        amount=Won(row.amount),
        status=PaymentStatus(row.status),
        order_id=row.order_id,
        payment_key=row.payment_key,
        requested_at=row.requested_at,
        completed_at=row.completed_at,
        decline_code=row.decline_code,
    )


def errand_values(errand: GatewayErrand) -> Values:
    """Made by the core, for the first time or anew: due at once, and nothing has been sent for it yet.

    The successor of one that was found keeps how that was run; nobody has it any more.
    """
    run: Values = (NextStep.SEND, None, 0, 0)
    note = None
    if isinstance(errand, RunErrand):
        run = (errand.next_step, errand.begun_at, errand.sends, errand.look_ups)
        note = errand.note
    return (
        *errand.id,
        errand.order_id,
        fitting_key(errand.payment_key),
        errand.amount,
        errand.idempotency_key,
        errand.request_hash,
        errand.state,
        errand.created_at,
        *run,
        None,
        None,
        None,
        note,
    )


def errand_of(row: Row[Any]) -> GatewayErrand:
    return GatewayErrand(**_facts_of(row))


def run_errand_of(row: Row[Any]) -> RunErrand:
    return RunErrand(
        **_facts_of(row),
        next_step=NextStep(row.next_step),
        begun_at=row.begun_at,
        sends=row.sends,
        look_ups=row.look_ups,
        note=row.note,
    )


def _facts_of(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": ErrandId(row.shard_key, row.attempt, ErrandKind(row.kind)),
        "order_id": row.order_id,
        "payment_key": row.payment_key,
        "amount": Won(row.amount),
        "state": ErrandState(row.state),
        "created_at": row.created_at,
    }
