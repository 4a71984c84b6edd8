"""The gateway's payment object, read tolerantly in form and strictly in substance."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

from application.ports.payment_gateway import GatewayPayment, GatewayStatus
from domain.money import Won

STATUSES: Mapping[str, GatewayStatus] = MappingProxyType(
    {
        "READY": GatewayStatus.OPEN,
        "IN_PROGRESS": GatewayStatus.OPEN,
        "WAITING_FOR_DEPOSIT": GatewayStatus.OPEN,
        "DONE": GatewayStatus.DONE,
        "ABORTED": GatewayStatus.ABORTED,
        "EXPIRED": GatewayStatus.EXPIRED,
        "CANCELED": GatewayStatus.CANCELED,
        "PARTIAL_CANCELED": GatewayStatus.PARTIAL_CANCELED,
    }
)
MOST_DIGITS = 15
LONGEST_TEXT = 300


class Unreadable(ValueError):
    """Not a payment as we know it; says which field."""


def read_payment(content: Mapping[str, Any] | None) -> GatewayPayment:
    """Fields that we do not know are ignored. Raises Unreadable where one that we need is missing or of another shape."""
    if content is None:
        raise Unreadable("no object")
    return GatewayPayment(
        order_id=_text(content, "orderId"),
        payment_key=_text(content, "paymentKey"),
        status=_status(_text(content, "status")),
        amount=_won(content, "totalAmount"),
        currency=_text(content, "currency"),
        cancelled_amount=_cancelled(content.get("cancels")),
        failure_code=_failure_code(content.get("failure")),
    )


def _status(text: str) -> GatewayStatus:
    try:
        return STATUSES[text]
    except KeyError as unknown:
        raise Unreadable("status") from unknown


def _cancelled(cancels: Any) -> Won:
    """What was given back for good: a cancellation that is still under way, or failed, proves nothing."""
    if cancels is None:
        return Won(0)
    if not isinstance(cancels, list) or not all(isinstance(cancel, dict) for cancel in cancels):
        raise Unreadable("cancels")
    return Won(sum(_won(cancel, "cancelAmount") for cancel in cancels if cancel.get("cancelStatus") in (None, "DONE")))


def _failure_code(failure: Any) -> str | None:
    code = failure.get("code") if isinstance(failure, dict) else None
    return code[:LONGEST_TEXT] if isinstance(code, str) else None


def _text(content: Mapping[str, Any], field: str) -> str:
    value = content.get(field)
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_TEXT:
        raise Unreadable(field)
    return value


def _won(content: Mapping[str, Any], field: str) -> Won:
    """A number or a numeric string; whole, and not negative."""
    value = content.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Unreadable(field)
    try:
        amount = Decimal(str(value))
    except (InvalidOperation, ValueError) as no_number:
        raise Unreadable(field) from no_number
    # The size is looked at first: to write out 1E+999999999 would take the whole memory.
    if not amount.is_finite() or amount < 0 or amount.adjusted() >= MOST_DIGITS or amount != amount.to_integral_value():
        raise Unreadable(field)
    return Won(int(amount))
