"""Refusals: data with a code, and the facts that each one carries."""

import re

from pytest_bdd import then

from features.steps.sentences import Sentence
from features.steps.story import Story, moment
from features.worlds.graphql import Answer

RETRYABLE = {"SalesNotOpen", "SeatsUnavailable", "ServiceUnavailable", "TicketIssuanceFailed", "PaymentPending", "RefundPending"}


@then(Sentence("{name:fan}은/는 {refusal:type}로/으로 거절된다"))
def is_refused(story: Story, name: str, refusal: str) -> None:
    refused(story.fan(name).answer, refusal)


@then(Sentence("{name:fan}은/는 {refusal:type}로/으로 거절되고 이유는 {reason:code}다/이다"))
def is_refused_for(story: Story, name: str, refusal: str, reason: str) -> None:
    answer = refused(story.fan(name).answer, refusal)
    assert answer["closedReason" if refusal == "SalesClosed" else "problem"] == reason


@then(Sentence("거절에 판매 시작 시각이 적혀 있다"))
def tells_when_sales_open(story: Story) -> None:
    (answer,) = [fan.answer for fan in story.fans() if fan.answer]
    assert moment(answer["salesOpenAt"]) == story.show.sales_open_at


@then(Sentence("{name:fan}은/는 SeatsUnavailable로 거절되고 {seats:seats} 좌석이 원인이다"))
def seats_are_taken(story: Story, name: str, seats: tuple[str, ...]) -> None:
    answer = refused(story.fan(name).answer, "SeatsUnavailable")
    assert sorted(answer["seatIds"]) == sorted(story.show.ids(seats))


@then(Sentence("{name:fan}은/는 HoldAlreadyOpen으로 거절되고 열려 있는 예약을 알게 된다"))
def another_hold_is_open(story: Story, name: str) -> None:
    fan = story.fan(name)
    answer = refused(fan.answer, "HoldAlreadyOpen")
    assert answer["reservation"]["id"] == fan.reservation["id"]
    assert answer["reservation"]["status"] == "PENDING"


@then(Sentence("{name:fan}은/는 PurchaseLimitExceeded로 거절되고 한도는 {limit:number}장, 남은 수는 {remaining:number}장이다"))
def limit_is_reached(story: Story, name: str, limit: int, remaining: int) -> None:
    answer = refused(story.fan(name).answer, "PurchaseLimitExceeded")
    assert (answer["limit"], answer["remaining"]) == (limit, remaining)


@then(Sentence("{name:fan}은/는 InsufficientPoints로 거절되고 잔액은 {balance:number}원, 필요한 포인트는 {required:number}원이다"))
def points_are_too_few(story: Story, name: str, balance: int, required: int) -> None:
    answer = refused(story.fan(name).answer, "InsufficientPoints")
    assert (answer["balance"], answer["required"]) == (balance, required)


@then(Sentence("{name:fan}은/는 ReservationAlreadyPaid로 거절되고 처음 결제를 알게 된다"))
def is_paid_already(story: Story, name: str) -> None:
    fan = story.fan(name)
    assert refused(fan.answer, "ReservationAlreadyPaid")["payment"] == fan.payment


@then(Sentence("{name:fan}은/는 InvalidAmount로 거절되고 최소 {minimum:number}원, 최대 {maximum:number}원이다"))
def amount_is_invalid(story: Story, name: str, minimum: int, maximum: int) -> None:
    answer = refused(story.fan(name).answer, "InvalidAmount")
    assert (answer["minimum"], answer["maximum"]) == (minimum, maximum)


@then(Sentence("{name:fan}의 요청은 {code:code}로/으로 거절된다"))
def request_is_refused(story: Story, name: str, code: str) -> None:
    fan = story.fan(name)
    problem, fan.refused = fan.refused, None
    assert problem is not None
    assert problem.extensions["code"] == code


def refused(answer: Answer | None, refusal: str) -> Answer:
    """The answer, which is this refusal in every respect that all refusals share."""
    assert answer is not None
    assert answer.typename == refusal, answer
    assert answer["code"] == re.sub(r"(?<!^)(?=[A-Z])", "_", refusal).upper()
    assert answer["retryable"] is (refusal in RETRYABLE)
    assert re.search("[가-힣]", answer["message"]), "people read Korean here unless they ask for another language"
    if refusal == "ServiceUnavailable":
        assert answer["retryAfterSeconds"] >= 1
    return answer
