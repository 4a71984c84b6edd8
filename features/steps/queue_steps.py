"""Standing in line: joining, watching, being admitted, leaving."""

import time
from functools import partial
from typing import Any

import pytest
from pytest_bdd import given, step, then, when

from features.steps.refusal_steps import refused
from features.steps.sentences import Sentence, Table
from features.steps.story import SOON, Story, eventually
from features.steps.tokens import token_called
from features.steps.words import CONDITIONS, PHASES, TOKENS
from features.worlds import documents
from features.worlds.fan import Fan
from features.worlds.graphql import Refused
from features.worlds.ids import unknown

PROMPT = 5.0
"""Seconds within which a position has to be right when nothing is in the way."""


@step(Sentence("{name:fan}이/가 손님으로 로그인한다"))
@given(Sentence("{name:fan}이/가 손님으로 로그인해 있다"))
def signs_in(story: Story, name: str) -> None:
    assert story.fan(name).viewer()["points"] == 1_000_000


@step(Sentence("{name:fan}이/가 대기열에 들어간다"))
@step(Sentence("{name:fan}이/가 대기열에 다시 들어간다"))
@given(Sentence("{name:fan}이/가 줄을 서 있다"))
def joins(story: Story, name: str) -> None:
    _joined(story.fan(name), story)


@given(Sentence("{names:fans}이/가 차례로 줄을 서 있다"))
def join_in_turn(story: Story, names: tuple[str, ...]) -> None:
    for name in names:
        joins(story, name)


@given(Sentence("{name:fan}이/가 입장해 있다"))
@given(Sentence("{name:fan}이/가 다시 입장해 있다"))
def is_admitted(story: Story, name: str) -> None:
    joins(story, name)
    becomes_admitted(story, name)


@given(Sentence("팬 {count:number}명이 입장해 있다"))
def a_crowd_is_admitted(story: Story, count: int) -> None:
    story.gather(count)
    story.at_once([partial(admitted, fan, story) for fan in story.crowd])


@when(Sentence("{name:fan}이/가 토큰을 들고 대기열에 돌아온다"))
def comes_back_with_token(story: Story, name: str) -> None:
    _joined(story.fan(name), story, resume_token=story.fan(name).token)


@when(Sentence("{name:fan}이/가 두 번째 창을 열어 대기열에 들어간다"))
def joins_in_a_second_window(story: Story, name: str) -> None:
    _joined(story.second_window(name), story)


@step(Sentence("{name:fan}이/가 대기열을 떠난다"))
def leaves(story: Story, name: str) -> None:
    fan = story.fan(name)
    answer = fan.leave()
    assert answer.typename == "LeaveQueueSuccess", answer
    assert fan.standing["state"] == "LEFT"


@when(Sentence("{name:fan}이/가 대기열에 들어가려 한다"))
def tries_to_join(story: Story, name: str) -> None:
    story.fan(name).join(story.show.concert_id)


@when(Sentence("{name:fan}이/가 없는 콘서트의 대기열에 들어가려 한다"))
def tries_to_join_nothing(story: Story, name: str) -> None:
    story.fan(name).join(unknown(story.show.concert_id))


@step(Sentence("{name:fan}이/가 순번을 실시간으로 지켜본다"))
def watches(story: Story, name: str) -> None:
    _watch(story.fan(name))


@step(Sentence("{name:fan}의 두 번째 창이 순번을 실시간으로 지켜본다"))
def the_second_window_watches(story: Story, name: str) -> None:
    _watch(story.windows[name])


@then(Sentence('{name:fan}의 화면에 결국 "{state:state}"이/가 뜨고 구독이 끝난다'))
def is_shown_the_end(story: Story, name: str, state: str) -> None:
    _ends_with(story.fan(name), TOKENS[state])


@then(Sentence('{name:fan}의 두 번째 창에 결국 "{state:state}"이/가 뜨고 구독이 끝난다'))
def the_second_window_is_shown_the_end(story: Story, name: str, state: str) -> None:
    _ends_with(story.windows[name], TOKENS[state])


@then(Sentence("{name:fan}의 화면에 결국 순번 {position:number}번이 뜬다"))
def is_shown_position(story: Story, name: str, position: int) -> None:
    (socket,) = story.fan(name).sockets
    deadline = time.monotonic() + SOON
    while not socket.seen or socket.seen[-1]["position"] != position:
        assert socket.next(deadline - time.monotonic()) is not None, f"the subscription ended: {socket.seen}"


@then(Sentence("{name:fan}의 화면에서 순번이 뒤로 밀린 적은 없다"))
def was_never_pushed_back(story: Story, name: str) -> None:
    (socket,) = story.fan(name).sockets
    positions = [value["position"] for value in socket.seen if value["state"] == "WAITING"]
    assert None not in positions
    assert positions == sorted(positions, reverse=True)


@then(Sentence("{name:fan}의 순번은 {position:number}번이다"))
def has_position(story: Story, name: str, position: int) -> None:
    eventually(lambda: _stands_at(story.fan(name), position), PROMPT)


@then(Sentence("{name:fan}의 순번은 결국 {position:number}번이 된다"))
def gets_position(story: Story, name: str, position: int) -> None:
    eventually(lambda: _stands_at(story.fan(name), position))


@then(Sentence('{name:fan}의 순번은 {position:number}번이고 대기열은 "{phase:state}" 단계다'))
def has_position_in_phase(story: Story, name: str, position: int, phase: str) -> None:
    eventually(lambda: _stands_at(story.fan(name), position, PHASES[phase]), PROMPT)


@then(Sentence('{name:fan}은/는 순번 없이 "{phase:state}" 단계에서 기다린다'))
def waits_without_position(story: Story, name: str, phase: str) -> None:
    standing = story.fan(name).look()
    assert (standing["state"], standing["phase"], standing["position"]) == ("WAITING", PHASES[phase], None)


@then(Sentence("{seconds:number}초가 지나도 {name:fan}은/는 입장하지 못한다"))
def stays_outside(story: Story, name: str, seconds: int) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert story.fan(name).look()["state"] == "WAITING"
        time.sleep(0.2)


@step(Sentence("{name:fan}은/는 결국 입장한다"))
def becomes_admitted(story: Story, name: str) -> None:
    eventually(lambda: _is_active(story.fan(name)))


@step(Sentence('{name:fan}의 대기열 토큰은 "{state:state}" 상태다'))
def token_is(story: Story, name: str, state: str) -> None:
    assert story.fan(name).look()["state"] == TOKENS[state]


@step(Sentence('{name:fan}의 대기열 토큰은 결국 "{state:state}" 상태다'))
def token_becomes(story: Story, name: str, state: str) -> None:
    eventually(lambda: token_is(story, name, state))


@then(Sentence('{name:fan}의 토큰은 결국 "{condition:state}"라고/이라고 알려 준다'))
def token_tells_condition(story: Story, name: str, condition: str) -> None:
    def told() -> None:
        standing = story.fan(name).look()
        assert (standing["condition"], standing["state"], standing["position"]) == (CONDITIONS[condition], "WAITING", None)

    eventually(told)


@then(Sentence("{name:fan}의 번호표는 처음과 같다"))
def number_is_kept(story: Story, name: str) -> None:
    fan = story.fan(name)
    assert fan.look()["number"] == fan.first_number


@then(Sentence("{name:fan}의 번호표는 처음과 다르다"))
def number_is_new(story: Story, name: str) -> None:
    fan = story.fan(name)
    assert fan.look()["number"] != fan.first_number


@then(Sentence("{name:fan}의 두 창은 번호표가 같다"))
def windows_share_the_number(story: Story, name: str) -> None:
    assert story.windows[name].standing["number"] == story.fan(name).standing["number"]


@then(Sentence("{name:fan}은/는 결국 SalesClosed로 줄을 서지 못하고 이유는 {reason:code}다/이다"))
def is_turned_away(story: Story, name: str, reason: str) -> None:
    fan = story.fan(name)

    def turned_away() -> None:
        answer = fan.join(story.show.concert_id)
        if answer.typename == "JoinQueueSuccess":
            fan.leave()
        assert refused(answer, "SalesClosed")["closedReason"] == reason

    eventually(turned_away, PROMPT)


@then(Sentence("{name:fan}은/는 결국 줄을 선다"))
def gets_in_line(story: Story, name: str) -> None:
    eventually(lambda: _joined(story.fan(name), story), PROMPT)


@then(Sentence("{name:fan}은/는 다음 토큰을 들고 대기열에 들어가지 못한다"))
def cannot_join_with(story: Story, name: str, datatable: Table) -> None:
    for which, reason in datatable[1:]:
        answer = story.fan(name).join(story.show.concert_id, resume_token=token_called(which, name, story))
        assert refused(answer, "QueueTokenInvalid")["problem"] == reason


@then(Sentence("{name:fan}은/는 다음 토큰으로 순번을 조회하거나 지켜보지 못한다"))
def cannot_look_with(story: Story, name: str, datatable: Table) -> None:
    fan = story.fan(name)
    for which, reason in datatable[1:]:
        token = token_called(which, name, story)
        with pytest.raises(Refused) as look:
            fan.ask(documents.QUEUE_TOKEN, value=token)
        with pytest.raises(Refused) as watch:
            fan.subscribe(documents.QUEUE_POSITION, queueToken=token).next(PROMPT)
        for problem in (look.value, watch.value):
            assert (problem.extensions["code"], problem.extensions["reason"]) == ("QUEUE_TOKEN_INVALID", reason)


def _joined(fan: Fan, story: Story, resume_token: str | None = None) -> None:
    answer = fan.join(story.show.concert_id, resume_token)
    assert answer.typename == "JoinQueueSuccess", answer


def admitted(fan: Fan, story: Story) -> None:
    _joined(fan, story)
    eventually(lambda: _is_active(fan))


def _is_active(fan: Fan) -> dict[str, Any]:
    standing = fan.look()
    assert standing["state"] == "ACTIVE", standing
    assert standing["expiresAt"] is not None
    assert standing["position"] is None
    return standing


def _stands_at(fan: Fan, position: int, phase: str = "OPEN") -> None:
    standing = fan.look()
    seen = {name: standing[name] for name in ("state", "phase", "condition", "position")}
    assert seen == {"state": "WAITING", "phase": phase, "condition": "LIVE", "position": position}


def _watch(fan: Fan) -> None:
    assert fan.watch().next(PROMPT) is not None


def _ends_with(fan: Fan, state: str) -> None:
    (socket,) = fan.sockets
    last = socket.until_complete(SOON)[-1]
    assert last["state"] == state, last
    fan.keep(last)
