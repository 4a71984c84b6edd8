"""What each of Toss Payments' answers amounts to: one table for confirm, one for cancel, by code.

New codes may appear without notice: whatever is not in the table is UNKNOWN, and so is any answer of another shape.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from adapters.toss.payments import Unreadable, read_payment
from adapters.toss.replies import NoReply, Reply
from application.ports.payment_gateway import AnswerClass, GatewayAnswer

TOO_MANY_REQUESTS = 429
PROVIDER_ERROR = "PROVIDER_ERROR"
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,99}")

FINAL: Final = frozenset({AnswerClass.DECLINED, AnswerClass.SESSION_EXPIRED, AnswerClass.REFUSED_FOR_GOOD, AnswerClass.OUR_FAULT})
"""Nothing was done, and nothing will be. Believed with a 4xx only: a server that fails cannot know."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The code's own class, else that of its family (the codes that begin so), else UNKNOWN."""

    codes: Mapping[AnswerClass, tuple[str, ...]]
    families: Mapping[str, AnswerClass]

    def of(self, code: str) -> AnswerClass | None:
        """None: not listed."""
        for kind, codes in self.codes.items():
            if code in codes:
                return kind
        return next((kind for family, kind in self.families.items() if code.startswith(family)), None)


_RETRY_SAME_KEY = ("IDEMPOTENT_REQUEST_PROCESSING",)
_RETRY_LATER = ("FORBIDDEN_CONSECUTIVE_REQUEST", "MAINTAINED_METHOD", "NOT_AVAILABLE_BANK", "NOT_AVAILABLE_PAYMENT")
_UNKNOWN = (
    # Another request, under another key, is at this payment just now. Its answer may even be kept under our key.
    "ALREADY_PROCESSING_REQUEST",
    PROVIDER_ERROR,
    "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING",
    "FAILED_INTERNAL_SYSTEM_PROCESSING",
    "FAILED_METHOD_HANDLING",
    "COMMON_ERROR",
    "UNKNOWN_ERROR",
    "UNKNOWN_PAYMENT_ERROR",
)
_OUR_FAULT = (
    "UNAUTHORIZED_KEY",
    "INVALID_API_KEY",
    "INCORRECT_BASIC_AUTH_FORMAT",
    "INVALID_REQUEST",
    "INVALID_REQUIRED_PARAM",
    "INVALID_ORDER_ID",
    "INVALID_IDEMPOTENCY_KEY",
    "INVALID_TEST_CODE",
    "NOT_FOUND_MERCHANT",
    "API_VERSION_UPDATE_NEEDED",
    "FORBIDDEN_REQUEST",
)

CONFIRM: Final = Verdicts(
    codes={
        AnswerClass.ALREADY_PROCESSED: ("ALREADY_PROCESSED_PAYMENT", "ALREADY_COMPLETED_PAYMENT"),
        AnswerClass.RETRY_SAME_KEY: _RETRY_SAME_KEY,
        AnswerClass.RETRY_LATER: _RETRY_LATER,
        AnswerClass.UNKNOWN: (*_UNKNOWN, "CARD_PROCESSING_ERROR"),
        AnswerClass.DECLINED: (
            "REJECT_CARD_PAYMENT",
            "REJECT_CARD_COMPANY",
            "REJECT_ACCOUNT_PAYMENT",
            "REJECT_TOSSPAY_INVALID_ACCOUNT",
            "RESTRICTED_TRANSFER_ACCOUNT",
            "INVALID_ACCOUNT_INFO_RE_REGISTER",
            "INVALID_REJECT_CARD",
            "INVALID_STOPPED_CARD",
            "INVALID_CARD_EXPIRATION",
            "INVALID_CARD_INSTALLMENT_PLAN",
            "INVALID_CARD_NUMBER",
            "INVALID_CARD_LOST_OR_STOLEN",
            "INVALID_PASSWORD",
            "BELOW_MINIMUM_AMOUNT",
            "EXCEEDS_TRANSFER_AMOUNT_MAXIMUM",
            "NOT_ALLOWED_POINT_USE",
            "FDS_ERROR",
            "PAY_PROCESS_CANCELED",
            "PAY_PROCESS_ABORTED",
        ),
        # The payment key is the client's word: one that does not exist is nothing to wake operators for.
        AnswerClass.SESSION_EXPIRED: ("NOT_FOUND_PAYMENT_SESSION", "NOT_FOUND_PAYMENT", "INVALID_PAYMENT_KEY"),
        AnswerClass.OUR_FAULT: (
            *_OUR_FAULT,
            "DUPLICATED_ORDER_ID",
            "INVALID_AUTHORIZE_AUTH",
            "INVALID_UNREGISTERED_SUBMALL",
            "NOT_FOUND_TERMINAL_ID",
            "NOT_REGISTERED_BUSINESS",
        ),
    },
    families={"EXCEED_MAX_": AnswerClass.DECLINED, "NOT_SUPPORTED_": AnswerClass.DECLINED},
)

CANCEL: Final = Verdicts(
    codes={
        AnswerClass.ALREADY_PROCESSED: ("ALREADY_CANCELED_PAYMENT", "ALREADY_REFUND_PAYMENT"),
        AnswerClass.RETRY_SAME_KEY: _RETRY_SAME_KEY,
        AnswerClass.RETRY_LATER: _RETRY_LATER,
        AnswerClass.UNKNOWN: (
            *_UNKNOWN,
            "ALREADY_REFUNDING_PAYMENT",
            "FAILED_METHOD_HANDLING_CANCEL",
            "FAILED_REFUND_PROCESS",
            "FAILED_PARTIAL_REFUND",
        ),
        AnswerClass.REFUSED_FOR_GOOD: (
            "NOT_CANCELABLE_PAYMENT",
            "NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER",
            "NOT_CANCELABLE_AMOUNT",
            "NOT_ALLOWED_PARTIAL_REFUND",
            "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT",
            "NOT_MATCHES_REFUNDABLE_AMOUNT",
            "NOT_SUPPORTED_REFUND",
            "EXCEED_MAX_REFUND_DUE",
            "EXCEED_MAX_REFUND_AMOUNT",
            "EXCEED_CANCEL_LIMIT",
            "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT",
            "FORBIDDEN_BANK_REFUND_REQUEST",
            "REFUND_REJECTED",
            "INVALID_BANK",
            "INVALID_REFUND_AMOUNT",
        ),
        # We cancel only what the gateway has stated: if it knows no such payment, we are asking with another shop's keys.
        AnswerClass.OUR_FAULT: (*_OUR_FAULT, "NOT_FOUND_PAYMENT", "INVALID_PAYMENT_KEY"),
    },
    families={"INVALID_REFUND_ACCOUNT_": AnswerClass.REFUSED_FOR_GOOD},
)


def answer(reply: Reply | NoReply, verdicts: Verdicts) -> GatewayAnswer:
    """What a reply, or its absence, amounts to."""
    if isinstance(reply, NoReply):
        kind = AnswerClass.UNKNOWN if reply.left else AnswerClass.RETRY_SAME_KEY
        return GatewayAnswer(kind=kind, fault=not reply.ours)
    if 200 <= reply.status < 300:
        return _stated(reply)
    code = code_of(reply)
    return GatewayAnswer(
        kind=_kind(reply.status, code, verdicts),
        code=code,
        retry_after=reply.retry_after,
        fault=reply.status >= 500 or reply.status == TOO_MANY_REQUESTS or code == PROVIDER_ERROR,
    )


def code_of(reply: Reply) -> str | None:
    """The error's code; None where there is none, or what stands there is no code."""
    code = (reply.content or {}).get("code")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def _stated(reply: Reply) -> GatewayAnswer:
    try:
        return GatewayAnswer(kind=AnswerClass.STATED, payment=read_payment(reply.content))
    except Unreadable:
        return GatewayAnswer(kind=AnswerClass.UNKNOWN)


def _kind(status: int, code: str | None, verdicts: Verdicts) -> AnswerClass:
    kind = verdicts.of(code) if code is not None else None
    if kind is None:
        return AnswerClass.RETRY_LATER if status == TOO_MANY_REQUESTS else AnswerClass.UNKNOWN
    if kind in FINAL and not 400 <= status < 500:
        return AnswerClass.UNKNOWN
    return kind
