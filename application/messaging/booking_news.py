"""What a booking's message says to the person it is about."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any
from uuid import UUID

from application.messaging.templates import CHARGE_RETURNED, PAYMENT_CANCELLED, PAYMENT_COMPLETED, Template
from domain.errors import ConcertError
from domain.ids import ConcertId, UserId
from domain.message import OutboxMessage

KST = timezone(timedelta(hours=9), "KST")
_WEEKDAYS = "월화수목금토일"

_TEMPLATE_OF: Mapping[tuple[str, int], Template] = MappingProxyType(
    {
        ("PaymentCompleted", 1): PAYMENT_COMPLETED,
        ("PaymentCancelled", 1): PAYMENT_CANCELLED,
        ("ChargeReturned", 1): CHARGE_RETURNED,
    }
)
"""By type and version of the message."""


_TRUE_FOR_A_TIME = frozenset({"PaymentCompleted"})
"""Types that say how things stand, until the next message of their key; the others say what happened, for good."""


class Unreadable(ConcertError):
    """Nobody here knows what the message says. Carries the reason, which repeats nothing of the payload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingNews:
    concert_id: ConcertId
    recipient: UserId
    template: str
    facts: Mapping[str, str]
    untrue_when_late: bool = False
    """Not to be told any more once something newer of its key has been."""


def news_in(message: OutboxMessage) -> BookingNews:
    """Raises Unreadable: a type or version that is not known here, or a payload that lacks what it must have."""
    template = _TEMPLATE_OF.get((message.type, message.version))
    if template is None:
        raise Unreadable(f"unknown type {message.type!r} of version {message.version}")
    try:
        payload = json.loads(message.payload)
        return BookingNews(
            concert_id=ConcertId(UUID(payload["concertId"])),
            recipient=UserId(UUID(payload["userId"])),
            template=template.code,
            facts=_facts(payload),
            untrue_when_late=message.type in _TRUE_FOR_A_TIME,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise Unreadable(f"payload: {type(fault).__name__}") from fault


def _facts(payload: Mapping[str, Any]) -> Mapping[str, str]:
    return {
        "title": str(payload["title"]),
        "venue": str(payload["venue"]),
        "startsAt": _moment(datetime.fromisoformat(payload["startsAt"])),
        "seats": ", ".join(_seat(seat) for seat in payload["seats"]),
        "amount": f"{payload['amount']:,}원",
    }


def _moment(starts_at: datetime) -> str:
    """As it stands on a Korean wall clock. A moment without a zone is refused: it could be any."""
    if starts_at.tzinfo is None:
        raise ValueError("a moment without a zone")
    local = starts_at.astimezone(KST)
    return f"{local.year}년 {local.month}월 {local.day}일({_WEEKDAYS[local.weekday()]}) {local:%H:%M}"


def _seat(seat: Mapping[str, Any]) -> str:
    return f"{seat['section']} {seat['row']}열 {seat['number']}번({seat['grade']})"
