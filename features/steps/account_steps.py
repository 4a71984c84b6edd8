"""Points, tickets and notifications: what a fan has in the end."""

import re
import time
from collections.abc import Sequence

from pytest_bdd import given, then, when

from features.steps.sentences import Sentence
from features.steps.story import Story, eventually
from features.steps.words import LEDGER, SEATS
from features.worlds import documents
from features.worlds.fan import Fan, fresh_phone
from features.worlds.graphql import Subscription
from features.worlds.mailbox import Letter
from features.worlds.operator import TITLE, VENUE

QUIET = 1.0
"""Seconds of silence after which nothing more is taken to come."""


@then(Sentence("{name:fan}의 포인트는 {points:number}원이다"))
def has_points(story: Story, name: str, points: int) -> None:
    viewer = story.fan(name).viewer()
    assert viewer["points"] == points
    assert sum(edge["node"]["amount"] for edge in viewer["pointLedger"]["edges"]) == points


@then(Sentence("{name:fan}의 포인트 원장은 다음과 같다"))
def ledger_reads(story: Story, name: str, datatable: Sequence[Sequence[str]]) -> None:
    """Oldest first."""
    viewer = story.fan(name).viewer()
    entries = [edge["node"] for edge in reversed(viewer["pointLedger"]["edges"])]
    expected = [(LEDGER[kind], _won(amount), _won(balance)) for kind, amount, balance in datatable[1:]]
    assert [(entry["kind"], entry["amount"], entry["balanceAfter"]) for entry in entries] == expected
    assert viewer["points"] == expected[-1][2]


@then(Sentence("{name:fan}은/는 {seats:seats} 좌석의 티켓을 가지고 있다"))
def has_tickets(story: Story, name: str, seats: tuple[str, ...]) -> None:
    tickets = story.fan(name).tickets_now()
    assert sorted(ticket["seat"]["id"] for ticket in tickets) == sorted(story.show.ids(seats))
    assert {ticket["performance"]["id"] for ticket in tickets} == {story.show.performance_id}
    codes = {ticket["code"] for ticket in tickets}
    assert len(codes) == len(tickets)
    assert all(re.fullmatch("[A-Z2-7]{24}", code) for code in codes)


@then(Sentence("{name:fan}에게는 티켓이 없다"))
def has_no_tickets(story: Story, name: str) -> None:
    assert story.fan(name).tickets_now() == []


@then(Sentence("{name:fan}의 티켓 번호는 {other:fan}이/가 받았던 번호와 다르다"))
def codes_differ(story: Story, name: str, other: str) -> None:
    mine = {ticket["code"] for ticket in story.fan(name).tickets_now()}
    theirs = {ticket["code"] for ticket in story.fan(other).tickets}
    assert mine and theirs and not mine & theirs


@when(Sentence("{name:fan}이/가 {amount:number}원 충전을 준비하려 한다"))
def tries_to_prepare_a_top_up(story: Story, name: str, amount: int) -> None:
    story.fan(name).send(documents.PREPARE_TOP_UP, {"amount": amount})


@when(Sentence("{name:fan}이/가 {amount:number}원을 충전하려 한다"))
def tries_to_top_up(story: Story, name: str, amount: int) -> None:
    request = {"orderId": "order-000001", "amount": amount, "paymentKey": "payment-key", "idempotencyKey": "top-up-1"}
    story.fan(name).send(documents.TOP_UP, request)


# --- notifications ---------------------------------------------------------------------------------------------------


@when(Sentence("{name:fan}이/가 연락처를 새 번호로 바꾼다"))
def changes_the_number(story: Story, name: str) -> None:
    fan = story.fan(name)
    fan.old_phone, fan.phone = fan.phone, fresh_phone()
    viewer = fan.ask(documents.UPDATE_CONTACT, phone=fan.phone)["updateContact"]
    assert viewer["phone"] == fan.phone


@then(Sentence("{name:fan}에게 알림톡이 꼭 {count:number}통 온다"))
@then(Sentence("{name:fan}의 새 번호로 알림톡이 꼭 {count:number}통 온다"))
def is_told_so_often(story: Story, name: str, count: int) -> None:
    _await_letters(story, [story.fan(name)], count)


@then(Sentence("{name:fan}에게 알림톡이 오지 않는다"))
@then(Sentence("{name:fan}에게 아직 알림톡이 오지 않았다"))
def is_told_nothing(story: Story, name: str) -> None:
    time.sleep(QUIET)
    assert story.service.mailbox.letters_to(story.fan(name).phone) == []


@then(Sentence("{name:fan}의 옛 번호로는 아무것도 오지 않는다"))
def the_old_number_is_left_alone(story: Story, name: str) -> None:
    assert story.service.mailbox.letters_to(story.fan(name).old_phone) == []


@then(Sentence("{name:fan}의 알림톡에는 콘서트 이름, 공연장, 좌석, 금액 {amount:text}이 적혀 있다"))
def letter_says(story: Story, name: str, amount: str) -> None:
    fan = story.fan(name)
    (letter,) = story.service.mailbox.letters_to(fan.phone)
    seats = [f"{seat['section']} {seat['row']}열 {seat['number']}번" for seat in fan.reservation["seats"]]
    for fact in (TITLE, VENUE, amount, *seats):
        assert fact in letter.text


@then(Sentence("{name:fan}의 알림톡은 결제, 환불 순서로 왔다"))
def letters_are_in_order(story: Story, name: str) -> None:
    assert [letter.template for letter in story.service.mailbox.letters_to(story.fan(name).phone)] == [
        "PAYMENT_COMPLETED",
        "PAYMENT_CANCELLED",
    ]


@then(Sentence("팬들은 모두 알림톡을 꼭 {count:number}통씩 받는다"))
def the_crowd_is_told(story: Story, count: int) -> None:
    _await_letters(story, story.crowd, count)


def _await_letters(story: Story, fans: Sequence[Fan], count: int) -> None:
    """Exactly so many to each, all by AlimTalk, also a while after the last has come."""
    mailbox = story.service.mailbox

    def received() -> list[list[Letter]]:
        letters = [mailbox.letters_to(fan.phone) for fan in fans]
        assert all(len(pile) >= count for pile in letters)
        return letters

    eventually(received)
    time.sleep(QUIET)
    letters = received()
    assert [len(pile) for pile in letters] == [count] * len(fans)
    assert {letter.channel for pile in letters for letter in pile} == {"ALIMTALK"}


# --- the seat map ----------------------------------------------------------------------------------------------------


@given(Sentence("{name:fan}이/가 좌석 배치도를 지켜보고 있다"))
def watches_the_map(story: Story, name: str) -> None:
    performance = story.service.api.ask(documents.PERFORMANCE, {"id": story.show.performance_id})["performance"]
    story.fan(name).subscribe(documents.SEAT_CHANGES, performanceId=story.show.performance_id, after=performance["seats"]["changesCursor"])


@then(Sentence('{name:fan}의 배치도에서 {seats:seats} 좌석이 결국 "{state:state}"으로/로 바뀐다'))
def map_shows(story: Story, name: str, seats: tuple[str, ...], state: str) -> None:
    (socket,) = story.fan(name).sockets
    deadline = time.monotonic() + 10
    while _on_the_map(socket, story.show.ids(seats)) != {SEATS[state]}:
        assert socket.next(deadline - time.monotonic()) is not None, "the subscription ended"


def _on_the_map(socket: Subscription, seat_ids: Sequence[str]) -> set[str | None]:
    """The newest state that was told of each of these seats."""
    newest = {seat["id"]: seat["status"] for changes in socket.seen for seat in changes["seats"]}
    return {newest.get(seat_id) for seat_id in seat_ids}


def _won(text: str) -> int:
    return int(text.replace(",", ""))
