"""Holding seats: who gets them, and what becomes of a hold."""

from datetime import timedelta
from functools import partial

import pytest
from pytest_bdd import given, step, then, when

from features.steps import queue_steps
from features.steps.refusal_steps import refused
from features.steps.sentences import Sentence, Table
from features.steps.story import Story, eventually, moment, sleep_past, sleep_until
from features.steps.tokens import token_called
from features.worlds.graphql import Answer, Refused
from features.worlds.ids import unknown


@step(Sentence("{name:fan}이/가 {seats:seats} 좌석을 임시 배정받는다"))
def holds(story: Story, name: str, seats: tuple[str, ...]) -> None:
    fan = story.fan(name)
    answer = fan.hold(story.show.performance_id, story.show.ids(seats))
    assert answer.typename == "HoldSeatsSuccess", answer
    assert [seat["id"] for seat in fan.reservation["seats"]] == story.show.ids(seats)


@given(Sentence("{name:fan}이/가 {seats:seats} 좌석을 임시 배정받은 상태다"))
def has_held(story: Story, name: str, seats: tuple[str, ...]) -> None:
    queue_steps.is_admitted(story, name)
    holds(story, name, seats)


@given(Sentence("팬 {count:number}명이 좌석을 하나씩 임시 배정받은 상태다"))
def a_crowd_holds(story: Story, count: int) -> None:
    queue_steps.a_crowd_is_admitted(story, count)
    for fan, seat_id in zip(story.crowd, story.show.seats.values(), strict=False):
        assert fan.hold(story.show.performance_id, [seat_id]).typename == "HoldSeatsSuccess"


@when(Sentence("{name:fan}이/가 {seats:seats} 좌석을 임시 배정받으려 한다"))
def tries_to_hold(story: Story, name: str, seats: tuple[str, ...]) -> None:
    story.fan(name).hold(story.show.performance_id, story.show.ids(seats))


@when(Sentence('{name:fan}이/가 "{which:state}" 토큰으로 {seats:seats} 좌석을 임시 배정받으려 한다'))
def tries_to_hold_with(story: Story, name: str, which: str, seats: tuple[str, ...]) -> None:
    story.fan(name).hold(story.show.performance_id, story.show.ids(seats), token=token_called(which, name, story))


@then(Sentence("{name:fan}은/는 다음 토큰으로 {seats:seats} 좌석을 임시 배정받지 못한다"))
def cannot_hold_with(story: Story, name: str, seats: tuple[str, ...], datatable: Table) -> None:
    for which, reason in datatable[1:]:
        answer = story.fan(name).hold(story.show.performance_id, story.show.ids(seats), token=token_called(which, name, story))
        assert refused(answer, "QueueTokenInvalid")["problem"] == reason


@then(Sentence("{name:fan}의 입장은 임시 배정이 끝나고 {seconds:number}초 뒤까지로 늘어난다"))
def pass_outlives_the_hold(story: Story, name: str, seconds: int) -> None:
    fan = story.fan(name)
    assert moment(fan.standing["expiresAt"]) == moment(fan.reservation["expiresAt"]) + timedelta(seconds=seconds)
    assert fan.look()["expiresAt"] == fan.standing["expiresAt"]


@when(Sentence("{name:fan}이/가 없는 공연 회차의 {seats:seats} 좌석을 임시 배정받으려 한다"))
def tries_to_hold_at_no_performance(story: Story, name: str, seats: tuple[str, ...]) -> None:
    story.fan(name).hold(unknown(story.show.performance_id), story.show.ids(seats))


@when(Sentence("{name:fan}이/가 좌석 없이 임시 배정을 요청한다"))
def asks_for_no_seats(story: Story, name: str) -> None:
    _asks_wrongly(story, name, [])


@when(Sentence("{name:fan}이/가 같은 좌석을 두 번 넣어 임시 배정을 요청한다"))
def asks_for_a_seat_twice(story: Story, name: str) -> None:
    _asks_wrongly(story, name, story.show.ids(("A1", "A1")))


@when(Sentence("{name:fan}이/가 아이디가 아닌 글자로 임시 배정을 요청한다"))
def asks_for_what_is_no_seat(story: Story, name: str) -> None:
    _asks_wrongly(story, name, ["A1"])


@when(Sentence("팬들이 동시에 {seats:seats} 좌석을 임시 배정받으려 한다"))
def a_crowd_races(story: Story, seats: tuple[str, ...]) -> None:
    wanted = story.show.ids(seats)
    story.at_once([partial(fan.hold, story.show.performance_id, wanted) for fan in story.crowd])


@then(Sentence("한 사람만 배정받고 나머지는 SeatsUnavailable로 거절된다"))
def one_of_the_crowd_wins(story: Story) -> None:
    losers = [fan for fan in story.crowd if fan.answer and fan.answer.typename != "HoldSeatsSuccess"]
    assert len(losers) == len(story.crowd) - 1
    for fan in losers:
        refused(fan.answer, "SeatsUnavailable")
        assert fan.viewer()["reservations"]["edges"] == []


@when(Sentence("{name:fan}이/가 두 창에서 동시에 {seats:seats} 좌석과 {others:seats} 좌석을 임시 배정받으려 한다"))
def two_windows_race(story: Story, name: str, seats: tuple[str, ...], others: tuple[str, ...]) -> None:
    first = story.fan(name)
    second = story.second_window(name)
    second.keep(first.standing)
    choices = zip((first, second), (seats, others), strict=True)
    story.at_once([partial(tab.hold, story.show.performance_id, story.show.ids(wanted)) for tab, wanted in choices])


@then(Sentence("한 창만 배정받고 다른 창은 HoldAlreadyOpen으로 거절된다"))
def one_window_wins(story: Story) -> None:
    ((name, second),) = story.windows.items()
    tabs = (story.fan(name), second)
    won, lost = sorted(tabs, key=lambda tab: not tab.reservation)
    assert not lost.reservation
    assert refused(lost.answer, "HoldAlreadyOpen")["reservation"]["id"] == won.reservation["id"]


@then(Sentence("{name:fan}이/가 가진 임시 배정은 {count:number}석이다"))
def holds_so_many(story: Story, name: str, count: int) -> None:
    reservations = [edge["node"] for edge in story.fan(name).viewer()["reservations"]["edges"]]
    assert [len(reservation["seats"]) for reservation in reservations if reservation["status"] == "PENDING"] == [count]
    names = tuple(story.show.seats)
    assert list(story.seat_states(names).values()).count("HELD") == count


@when(Sentence("임시 배정 시간이 지난다"))
def the_hold_runs_out(story: Story) -> None:
    sleep_past(max(moment(fan.reservation["expiresAt"]) for fan in story.fans() if fan.reservation))


@when(Sentence("입장 시간이 지난다"))
def the_first_deadline_passes(story: Story) -> None:
    sleep_past(max(moment(fan.admitted_until) for fan in story.fans() if fan.admitted_until))


@when(Sentence("임시 배정이 끝나는 순간 {late:fan}은/는 결제하려 하고 {name:fan}은/는 {seats:seats} 좌석을 사려 한다"))
def late_payer_and_newcomer_race(story: Story, late: str, name: str, seats: tuple[str, ...]) -> None:
    payer, newcomer = story.fan(late), story.fan(name)

    def buys_if_free() -> Answer:
        """Again and again, until the seats are the newcomer's or sold to the other."""

        def decided() -> None:
            answer = newcomer.hold(story.show.performance_id, story.show.ids(seats))
            assert answer.typename == "HoldSeatsSuccess" or set(story.seat_states(seats).values()) == {"SOLD"}

        eventually(decided)
        return newcomer.pay() if newcomer.reservation else refused(newcomer.answer, "SeatsUnavailable")

    sleep_until(moment(payer.reservation["expiresAt"]) - timedelta(milliseconds=20))
    story.at_once([payer.pay, buys_if_free])


@then(Sentence("{seats:seats} 좌석의 티켓은 {name:fan}와/과 {other:fan} 가운데 한 사람만 가지고 있다"))
def one_of_two_owns(story: Story, seats: tuple[str, ...], name: str, other: str) -> None:
    owners = [fan for fan in (story.fan(name), story.fan(other)) if fan.tickets_now()]
    assert len(owners) == 1
    assert sorted(ticket["seat"]["id"] for ticket in owners[0].tickets_now()) == sorted(story.show.ids(seats))
    loser = story.fan(other) if owners[0] is story.fan(name) else story.fan(name)
    assert loser.answer is not None and "code" in loser.answer.fields
    assert loser.viewer()["points"] == 1_000_000
    assert owners[0].viewer()["points"] == 1_000_000 - owners[0].payment["amount"]


def _asks_wrongly(story: Story, name: str, seat_ids: list[str]) -> None:
    fan = story.fan(name)
    with pytest.raises(Refused) as refusal:
        fan.hold(story.show.performance_id, seat_ids)
    fan.refused = refusal.value
