"""Points, tickets and notifications: what a fan has in the end."""

import re

from pytest_bdd import then, when

from features.steps.sentences import Sentence, Table
from features.steps.story import Story
from features.steps.words import LEDGER
from features.worlds import documents

QUIET = 1.0
"""Seconds of silence after which nothing more is taken to come."""


@then(Sentence("{name:fan}의 포인트는 {points:number}원이다"))
def has_points(story: Story, name: str, points: int) -> None:
    viewer = story.fan(name).viewer()
    assert viewer["points"] == points
    assert sum(edge["node"]["amount"] for edge in viewer["pointLedger"]["edges"]) == points


@then(Sentence("{name:fan}의 포인트 원장은 다음과 같다"))
def ledger_reads(story: Story, name: str, datatable: Table) -> None:
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


def _won(text: str) -> int:
    return int(text.replace(",", ""))
