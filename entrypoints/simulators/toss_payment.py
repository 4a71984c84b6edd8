"""A payment at the simulated gateway: its states, and what may be done in each.

READY → IN_PROGRESS → DONE → PARTIAL_CANCELED, CANCELED; IN_PROGRESS → ABORTED (declined); READY, IN_PROGRESS → EXPIRED.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from application.messaging.booking_news import KST
from entrypoints.simulators.toss_errors import Refused

AUTHENTICATION_WINDOW = timedelta(minutes=30)
CONFIRMATION_WINDOW = timedelta(minutes=10)
MINIMUM = 100
"""Won, of a card payment."""
OPEN = ("READY", "IN_PROGRESS")
APPROVED = ("DONE", "PARTIAL_CANCELED", "CANCELED")
"""Charged once, whatever was given back since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    amount: int
    reason: str
    refundable: int
    canceled_at: str
    transaction_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """``decline`` and ``refuse_cancel``: the codes with which this card's confirm and cancel are answered. Times in ISO 8601."""

    payment_key: str
    order_id: str
    order_name: str
    amount: int
    currency: str
    status: str
    requested_at: str
    expires_at: str
    decline: str | None = None
    refuse_cancel: str | None = None
    approved_at: str | None = None
    failure: str | None = None
    last_transaction_key: str | None = None
    cancels: tuple[Cancel, ...] = ()

    @property
    def balance(self) -> int:
        """Charged, and not given back."""
        return self.amount - sum(cancel.amount for cancel in self.cancels) if self.status in APPROVED else 0


def checkout(
    *,
    order_id: str,
    amount: int,
    order_name: str,
    currency: str,
    decline: str | None,
    refuse_cancel: str | None,
    authenticated: bool,
    now: datetime,
) -> Payment:
    """What the client's SDK does: a payment key for this order and amount. ``authenticated`` False: the fan is still typing."""
    window = CONFIRMATION_WINDOW if authenticated else AUTHENTICATION_WINDOW
    return Payment(
        payment_key=f"sim_{secrets.token_hex(16)}",
        order_id=order_id,
        order_name=order_name,
        amount=amount,
        currency=currency,
        status="IN_PROGRESS" if authenticated else "READY",
        requested_at=moment(now),
        expires_at=sortable(now + window),
        decline=decline,
        refuse_cancel=refuse_cancel,
    )


def confirm(payment: Payment, *, order_id: str, amount: int, order_taken: bool, now: datetime) -> Payment:
    """DONE, or ABORTED with the card's refusal in ``failure``. Raises Refused where nothing changes."""
    if payment.status in APPROVED:
        raise Refused("ALREADY_PROCESSED_PAYMENT")
    if payment.status != "IN_PROGRESS":
        raise Refused("NOT_FOUND_PAYMENT_SESSION")
    if (order_id, amount) != (payment.order_id, payment.amount):
        raise Refused("INVALID_REQUEST")
    if order_taken:
        raise Refused("DUPLICATED_ORDER_ID")
    if amount < MINIMUM:
        raise Refused("BELOW_MINIMUM_AMOUNT")
    if payment.decline is not None:
        return replace(payment, status="ABORTED", failure=payment.decline)
    return replace(payment, status="DONE", approved_at=moment(now), last_transaction_key=_transaction_key())


def cancel(payment: Payment, *, reason: str, amount: int | None, now: datetime) -> Payment:
    """``amount`` None: all that is left. Raises Refused."""
    if payment.status == "CANCELED":
        raise Refused("ALREADY_CANCELED_PAYMENT")
    if payment.status not in APPROVED:
        raise Refused("NOT_CANCELABLE_PAYMENT")
    if payment.refuse_cancel is not None:
        raise Refused(payment.refuse_cancel)
    amount = payment.balance if amount is None else amount
    if amount > payment.balance:
        raise Refused("NOT_CANCELABLE_AMOUNT")
    left = payment.balance - amount
    key = _transaction_key()
    made = Cancel(amount=amount, reason=reason, refundable=left, canceled_at=moment(now), transaction_key=key)
    return replace(payment, status="PARTIAL_CANCELED" if left else "CANCELED", cancels=(*payment.cancels, made), last_transaction_key=key)


def expire(payment: Payment) -> Payment:
    return replace(payment, status="EXPIRED", failure="EXPIRED_PAYMENT")


def as_json(payment: Payment) -> dict[str, Any]:
    """The gateway's payment object."""
    vat = round(payment.balance / 11)
    card = {
        "amount": payment.amount,
        "issuerCode": "61",
        "acquirerCode": "31",
        "number": "00000000****000*",
        "installmentPlanMonths": 0,
        "approveNo": "00000000",
        "cardType": "신용",
        "ownerType": "개인",
        "acquireStatus": "READY",
        "isInterestFree": False,
    }
    cancels = [
        {
            "cancelAmount": cancel.amount,
            "cancelReason": cancel.reason,
            "refundableAmount": cancel.refundable,
            "canceledAt": cancel.canceled_at,
            "transactionKey": cancel.transaction_key,
            "cancelStatus": "DONE",
        }
        for cancel in payment.cancels
    ]
    return {
        "mId": "simulated",
        "version": "2022-11-16",
        "type": "NORMAL",
        "paymentKey": payment.payment_key,
        "orderId": payment.order_id,
        "orderName": payment.order_name,
        "currency": payment.currency,
        "method": "카드",
        "totalAmount": payment.amount,
        "balanceAmount": payment.balance,
        "suppliedAmount": payment.balance - vat,
        "vat": vat,
        "taxFreeAmount": 0,
        "status": payment.status,
        "requestedAt": payment.requested_at,
        "approvedAt": payment.approved_at,
        "lastTransactionKey": payment.last_transaction_key,
        "isPartialCancelable": True,
        "cultureExpense": True,
        "useEscrow": False,
        "card": card if payment.status in APPROVED else None,
        "easyPay": None,
        "virtualAccount": None,
        "cancels": cancels or None,
        "receipt": None,
        "checkout": None,
        "failure": None if payment.failure is None else {"code": payment.failure, "message": f"simulated: {payment.failure}"},
        "secret": None,
        "metadata": None,
    }


def write(payment: Payment) -> str:
    return json.dumps(asdict(payment), ensure_ascii=False)


def read(text: str) -> Payment:
    values: Mapping[str, Any] = json.loads(text)
    return Payment(**{**values, "cancels": tuple(Cancel(**one) for one in values["cancels"])})


def moment(now: datetime) -> str:
    """As the gateway writes it."""
    return now.astimezone(KST).isoformat(timespec="seconds")


def sortable(now: datetime) -> str:
    """Of one width and zone, so that texts compare as their moments do."""
    return now.astimezone(KST).isoformat(timespec="microseconds")


def _transaction_key() -> str:
    return secrets.token_hex(16).upper()
