"""What refusals say to people, in their language. Codes are stable, sentences are not."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Language(StrEnum):
    KOREAN = "ko"
    ENGLISH = "en"


_NAMES = frozenset(language.value for language in Language)


def preferred_language(accept_language: str) -> Language:
    """The first of ours that the header names with the highest weight; Korean where it names neither."""
    best, language = 0.0, Language.KOREAN
    for part in accept_language.split(",")[:20]:
        tag, _, parameters = part.strip().partition(";")
        name = tag.strip().lower().split("-")[0]
        if name in _NAMES and (weight := _weight(parameters)) > best:
            best, language = weight, Language(name)
    return language


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def sentence(code: str, language: Language) -> str:
    """Of the code, or of ``CODE.REASON`` where a reason has a sentence of its own."""
    korean, english = _SENTENCES.get(code) or _SENTENCES[code.partition(".")[0]]
    return korean if language is Language.KOREAN else english


_SENTENCES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "SALES_NOT_OPEN": ("아직 예매가 시작되지 않았습니다.", "Sales have not opened yet."),
        "SALES_CLOSED": ("예매가 마감되었습니다.", "Sales are closed."),
        "SALES_CLOSED.SOLD_OUT": ("모든 좌석이 매진되었습니다.", "The concert is sold out."),
        "SALES_CLOSED.CANCELLED": ("취소된 공연입니다.", "The performance has been cancelled."),
        "CONCERT_NOT_FOUND": ("콘서트를 찾을 수 없습니다.", "There is no such concert."),
        "PERFORMANCE_NOT_FOUND": ("공연 회차를 찾을 수 없습니다.", "There is no such performance."),
        "QUEUE_TOKEN_INVALID": ("유효하지 않은 대기열 토큰입니다.", "The queue token is not valid."),
        "QUEUE_TOKEN_INVALID.EXPIRED": (
            "입장 시간이 끝났습니다. 다시 줄을 서 주세요.",
            "Your time to book is over. Please join the queue again.",
        ),
        "QUEUE_TOKEN_INVALID.NOT_ADMITTED": (
            "아직 입장하지 않았습니다. 차례를 기다려 주세요.",
            "You have not been admitted yet. Please wait for your turn.",
        ),
        "QUEUE_TOKEN_INVALID.LEFT": ("대기열에서 나왔습니다. 다시 줄을 서 주세요.", "You have left the queue. Please join it again."),
        "QUEUE_TOKEN_INVALID.USED": ("이미 결제에 사용한 대기열 토큰입니다.", "This queue token was used for a payment."),
        "HOLD_ALREADY_OPEN": (
            "이미 잡아 둔 좌석이 있습니다. 결제하거나 취소해 주세요.",
            "You already hold seats. Pay for them or cancel first.",
        ),
        "SEATS_UNAVAILABLE": ("이미 다른 분이 선택한 좌석이 있습니다.", "Some of these seats are taken."),
        "PURCHASE_LIMIT_EXCEEDED": ("한 사람이 살 수 있는 좌석 수를 넘었습니다.", "That is more seats than one person may buy."),
        "RESERVATION_NOT_FOUND": ("예약을 찾을 수 없습니다.", "There is no such reservation."),
        "RESERVATION_EXPIRED": ("결제 시간이 지나 좌석이 풀렸습니다.", "The hold has run out."),
        "RESERVATION_ALREADY_PAID": ("이미 결제한 예약입니다.", "The reservation is already paid."),
        "NOT_CANCELLABLE": ("취소할 수 없는 예약입니다.", "The reservation cannot be cancelled any more."),
        "INSUFFICIENT_POINTS": ("포인트가 부족합니다.", "You do not have enough points."),
        "PAYMENT_DECLINED": ("결제가 거절되었습니다.", "The payment was declined."),
        "TICKET_ISSUANCE_FAILED": ("티켓을 발급하지 못했습니다.", "The ticket could not be issued."),
        "INVALID_AMOUNT": ("충전할 수 없는 금액입니다.", "This amount cannot be topped up."),
        "IDEMPOTENCY_CONFLICT": ("같은 멱등 키로 다른 요청을 보냈습니다.", "This idempotency key was used for another request."),
        "SERVICE_UNAVAILABLE": (
            "지금은 처리할 수 없습니다. 잠시 후 다시 시도해 주세요.",
            "This is not possible right now. Please try again shortly.",
        ),
        "OVERLOADED": ("이용자가 많습니다. 잠시 후 다시 시도해 주세요.", "There is too much going on. Please try again shortly."),
        "INTERNAL": ("알 수 없는 오류가 발생했습니다.", "Something went wrong."),
    }
)
