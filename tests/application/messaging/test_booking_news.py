"""What a message says, in the words that a fan reads."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from application.booking.messages import booking_message
from application.messaging.booking_news import Unreadable, news_in
from application.messaging.templates import TEMPLATES
from domain.events import PaymentCompleted
from domain.message import OutboxMessage
from tests.application.booking.scene import CONCERT, FAN, SEATS, Scene
from tests.application.booking.test_pay import paying


def paid() -> OutboxMessage:
    """The message that a payment writes, as it writes it."""
    scene = Scene()
    scene.hold(10, *SEATS[:2])
    scene.run(paying())
    [message] = scene.all("outbox")
    assert isinstance(message, OutboxMessage)
    return message


def payload(**changes: Any) -> str:
    return json.dumps(json.loads(paid().payload) | changes)


def test_a_payment_tells_title_venue_time_in_korea_seats_and_amount() -> None:
    news = news_in(paid())
    assert (news.concert_id, news.recipient, news.template) == (CONCERT, FAN, "PAYMENT_COMPLETED")
    assert news.facts == {
        "title": "첫눈",
        "venue": "올림픽홀",
        "startsAt": "2026년 12월 1일(화) 21:00",
        "seats": "A 1열 1번(R), A 1열 1번(R)",
        "amount": "100,000원",
    }


@pytest.mark.parametrize(
    ("starts_at", "said"),
    [
        (datetime(2026, 12, 31, 15, 0, tzinfo=UTC), "2027년 1월 1일(금) 00:00"),
        (datetime(2026, 12, 24, 10, 30, tzinfo=UTC), "2026년 12월 24일(목) 19:30"),
        (datetime(2026, 7, 5, 0, 5, tzinfo=UTC), "2026년 7월 5일(일) 09:05"),
    ],
)
def test_the_time_is_that_of_a_korean_wall_clock(starts_at: datetime, said: str) -> None:
    assert news_in(replace(paid(), payload=payload(startsAt=starts_at.isoformat()))).facts["startsAt"] == said


def test_a_cancelled_payment_is_told_as_such() -> None:
    news = news_in(replace(paid(), type="PaymentCancelled"))
    assert news.template == "PAYMENT_CANCELLED"
    assert TEMPLATES[news.template].render(news.facts) == (
        "[콘서트 예매] 예매가 취소되었습니다. 발급된 티켓은 더 이상 사용하실 수 없습니다.\n\n"
        "공연: 첫눈\n장소: 올림픽홀\n일시: 2026년 12월 1일(화) 21:00\n좌석: A 1열 1번(R), A 1열 1번(R)\n환불 금액: 100,000원"
    )


def test_a_charge_that_was_given_back_is_told_as_such_and_says_nothing_of_tickets() -> None:
    """It may have come beside another payment, whose tickets stand."""
    news = news_in(replace(paid(), type="ChargeReturned"))
    assert news.template == "CHARGE_RETURNED"
    assert TEMPLATES[news.template].render(news.facts) == (
        "[콘서트 예매] 늦게 승인된 결제가 예매에 쓰이지 못해, 결제하신 금액을 전액 돌려드렸습니다.\n\n"
        "공연: 첫눈\n장소: 올림픽홀\n일시: 2026년 12월 1일(화) 21:00\n좌석: A 1열 1번(R), A 1열 1번(R)\n환불 금액: 100,000원\n\n"
        "카드사에 따라 며칠 뒤에 확인하실 수 있습니다."
    )


def test_only_a_cancellation_makes_a_completed_payment_untrue() -> None:
    assert {code: template.undone_by for code, template in TEMPLATES.items() if template.undone_by} == {
        "PAYMENT_COMPLETED": {"PAYMENT_CANCELLED"}
    }
    assert all(template.undone_by <= TEMPLATES.keys() for template in TEMPLATES.values())


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (replace(paid(), type="PaymentRegretted"), "unknown type 'PaymentRegretted' of version 1"),
        (replace(paid(), version=2), "unknown type 'PaymentCompleted' of version 2"),
        (replace(paid(), payload="{"), "payload: JSONDecodeError"),
        (replace(paid(), payload="[]"), "payload: TypeError"),
        (replace(paid(), payload="{}"), "payload: KeyError"),
        (replace(paid(), payload=payload(userId="somebody")), "payload: ValueError"),
        (replace(paid(), payload=payload(startsAt="2026-12-01T12:00:00")), "payload: ValueError"),
        (replace(paid(), payload=payload(startsAt=7)), "payload: TypeError"),
        (replace(paid(), payload=payload(seats=[7])), "payload: TypeError"),
        (replace(paid(), payload=payload(amount="much")), "payload: ValueError"),
    ],
)
def test_what_nobody_understands_is_named_without_repeating_it(message: OutboxMessage, reason: str) -> None:
    with pytest.raises(Unreadable) as unreadable:
        news_in(message)
    assert str(unreadable.value) == reason


def test_each_template_fits_its_provider_and_asks_only_for_facts_there_are() -> None:
    facts = news_in(paid()).facts
    for name, template in TEMPLATES.items():
        assert (name, set(template.places)) == (template.code, set(facts))
        assert len(template.code) <= 20
        assert len(template.title.encode("euc_kr")) <= 40
        assert len(template.render(facts)) <= 1000


def test_the_messages_read_here_are_those_the_booking_writes() -> None:
    assert booking_message.__module__ == "application.booking.messages"
    assert PaymentCompleted.__name__ == paid().type
    assert paid().key == UUID(int=10)
