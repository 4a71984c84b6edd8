"""What each class of answer leads to, for a confirmation and for a cancellation. One table each, walked cell by cell by a test."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from application.ports.payment_gateway import CURRENCY, AnswerClass, GatewayPayment, GatewayStatus
from domain.gateway_errand import GatewayErrand


class Move(StrEnum):
    COMPLETE = "COMPLETE"
    """The money is ours: complete, or give it back where that cannot be."""
    FAIL = "FAIL"
    """No money was taken, nor will be: the attempt is over."""
    REFUNDED = "REFUNDED"
    STAND_AGAIN = "STAND_AGAIN"
    """The refund is refused for good."""
    SEND_AGAIN = "SEND_AGAIN"
    """The same request under the same key, soon."""
    SEND_LATER = "SEND_LATER"
    """The same request under the same key, after a delay; its tries are counted."""
    LOOK_UP = "LOOK_UP"
    """Ask what became of it, now."""
    DOUBT = "DOUBT"
    """It is not known: ask at growing intervals."""
    FAIL_AFTER_LOOK_UP = "FAIL_AFTER_LOOK_UP"
    """It cannot have been done, says the answer; a look-up has to agree."""
    STAND_AFTER_LOOK_UP = "STAND_AFTER_LOOK_UP"
    """The refund is refused for good, says the answer; a look-up has to agree."""
    HAND_OVER = "HAND_OVER"
    """To a person: no rule of ours fits."""


CONFIRM: Mapping[AnswerClass, Move] = MappingProxyType(
    {
        AnswerClass.ALREADY_PROCESSED: Move.LOOK_UP,
        AnswerClass.RETRY_SAME_KEY: Move.SEND_AGAIN,
        AnswerClass.RETRY_LATER: Move.SEND_LATER,
        AnswerClass.UNKNOWN: Move.DOUBT,
        AnswerClass.DECLINED: Move.FAIL,
        AnswerClass.SESSION_EXPIRED: Move.FAIL_AFTER_LOOK_UP,
        AnswerClass.REFUSED_FOR_GOOD: Move.DOUBT,
        AnswerClass.OUR_FAULT: Move.FAIL_AFTER_LOOK_UP,
    }
)
CONFIRM_STATED: Mapping[GatewayStatus, Move] = MappingProxyType(
    {
        GatewayStatus.OPEN: Move.DOUBT,
        GatewayStatus.DONE: Move.COMPLETE,
        GatewayStatus.ABORTED: Move.FAIL,
        GatewayStatus.EXPIRED: Move.FAIL,
        GatewayStatus.CANCELED: Move.FAIL,
        GatewayStatus.PARTIAL_CANCELED: Move.HAND_OVER,
    }
)
CANCEL: Mapping[AnswerClass, Move] = MappingProxyType(
    {
        AnswerClass.ALREADY_PROCESSED: Move.LOOK_UP,
        AnswerClass.RETRY_SAME_KEY: Move.SEND_AGAIN,
        AnswerClass.RETRY_LATER: Move.SEND_LATER,
        AnswerClass.UNKNOWN: Move.DOUBT,
        AnswerClass.DECLINED: Move.HAND_OVER,
        AnswerClass.SESSION_EXPIRED: Move.HAND_OVER,
        AnswerClass.REFUSED_FOR_GOOD: Move.STAND_AFTER_LOOK_UP,
        AnswerClass.OUR_FAULT: Move.SEND_LATER,
    }
)
CANCEL_STATED: Mapping[GatewayStatus, Move] = MappingProxyType(
    {
        GatewayStatus.OPEN: Move.HAND_OVER,
        GatewayStatus.DONE: Move.SEND_AGAIN,
        GatewayStatus.ABORTED: Move.HAND_OVER,
        GatewayStatus.EXPIRED: Move.HAND_OVER,
        GatewayStatus.CANCELED: Move.REFUNDED,
        GatewayStatus.PARTIAL_CANCELED: Move.HAND_OVER,
    }
)


def is_about(payment: GatewayPayment, errand: GatewayErrand) -> bool:
    """An answer counts only if order, payment key, amount and currency are exactly this attempt's."""
    return (payment.order_id, payment.payment_key, payment.amount, payment.currency) == (
        errand.order_id,
        errand.payment_key,
        errand.amount,
        CURRENCY,
    )
