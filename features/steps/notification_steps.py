"""What arrives at a fan's phone."""

import time
from collections.abc import Sequence

from pytest_bdd import step, then, when

from features.steps.sentences import Sentence
from features.steps.story import Story, eventually
from features.worlds import documents
from features.worlds.fan import Fan, fresh_phone
from features.worlds.mailbox import Letter
from features.worlds.operator import TITLE, VENUE

PATIENCE = 90.0
"""Seconds for a letter: after a kill, the broker deals the dead consumer's partitions anew only when its session has run out."""


@when(Sentence("{name:fan}이/가 연락처를 새 번호로 바꾼다"))
def changes_the_number(story: Story, name: str) -> None:
    fan = story.fan(name)
    fan.old_phone, fan.phone = fan.phone, fresh_phone()
    viewer = fan.ask(documents.UPDATE_CONTACT, phone=fan.phone)["updateContact"]
    assert viewer["phone"] == fan.phone


@step(Sentence("{name:fan}에게 알림톡이 꼭 {count:number}통 온다"))
@then(Sentence("{name:fan}의 새 번호로 알림톡이 꼭 {count:number}통 온다"))
def is_told_so_often(story: Story, name: str, count: int) -> None:
    _await_letters(story, [story.fan(name)], count)


@then(Sentence("{name:fan}에게 알림톡이 오지 않는다"))
@then(Sentence("{name:fan}에게 아직 알림톡이 오지 않았다"))
def is_told_nothing(story: Story, name: str) -> None:
    time.sleep(story.silence)
    assert story.service.mailbox.letters_to(story.fan(name).phone) == []


@then(Sentence("팬들에게 아직 아무것도 오지 않았다"))
def the_crowd_is_told_nothing_yet(story: Story) -> None:
    """At this very moment: who would wait here would let the circuit probe."""
    assert [story.service.mailbox.letters_to(fan.phone) for fan in story.crowd] == [[]] * len(story.crowd)


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

    eventually(received, PATIENCE)
    time.sleep(story.silence)
    letters = received()
    assert [len(pile) for pile in letters] == [count] * len(fans)
    assert {letter.kind for pile in letters for letter in pile} == {"ALIMTALK"}
