"""Paying."""

from datetime import UTC, datetime, timedelta

from pytest_bdd import given, step, then, when

from features.steps import hold_steps, reservation_steps
from features.steps.refusal_steps import refused
from features.steps.sentences import Sentence, Table
from features.steps.story import SLACK, Story, eventually, moment
from features.steps.tokens import token_called
from features.worlds import documents


@step(Sentence("{name:fan}이/가 포인트로 결제한다"))
def pays(story: Story, name: str) -> None:
    answer = story.fan(name).pay()
    assert answer.typename == "PaySuccess", answer


@step(Sentence("{name:fan}이/가 {seats:seats} 좌석을 산다"))
@given(Sentence("{name:fan}이/가 {seats:seats} 좌석을 사서 가지고 있다"))
def buys(story: Story, name: str, seats: tuple[str, ...]) -> None:
    hold_steps.has_held(story, name, seats)
    pays(story, name)


@when(Sentence("{seats:seats} 좌석이 풀리자마자 {name:fan}이/가 임시 배정받아 결제한다"))
def takes_over(story: Story, seats: tuple[str, ...], name: str) -> None:
    eventually(lambda: hold_steps.holds(story, name, seats))
    pays(story, name)


@when(Sentence("{name:fan}이/가 결제하려 한다"))
def tries_to_pay(story: Story, name: str) -> None:
    story.fan(name).pay()


@when(Sentence('{name:fan}이/가 "{which:state}" 토큰으로 결제하려 한다'))
def tries_to_pay_with(story: Story, name: str, which: str) -> None:
    story.fan(name).pay(token=token_called(which, name, story))


@then(Sentence("{name:fan}은/는 다음 토큰으로 결제하지 못한다"))
def cannot_pay_with(story: Story, name: str, datatable: Table) -> None:
    for which, reason in datatable[1:]:
        answer = story.fan(name).pay(token=token_called(which, name, story))
        assert refused(answer, "QueueTokenInvalid")["problem"] == reason


@when(Sentence("{name:fan}이/가 없는 예약을 결제하려 한다"))
def tries_to_pay_for_nothing(story: Story, name: str) -> None:
    story.fan(name).pay(reservation_id=reservation_steps.no_reservation(story))


@when(Sentence("{name:fan}이/가 {other:fan}의 예약을 결제하려 한다"))
def tries_to_pay_for_another(story: Story, name: str, other: str) -> None:
    story.fan(name).pay(reservation_id=story.fan(other).reservation["id"])


@then(Sentence("{name:fan}의 결제는 {amount:number}원으로 완료되고 포인트 {balance:number}원이 남는다"))
def payment_is_complete(story: Story, name: str, amount: int, balance: int) -> None:
    fan = story.fan(name)
    assert fan.answer is not None and fan.answer.typename == "PaySuccess"
    assert fan.answer["balance"] == balance
    paid = {field: fan.payment[field] for field in ("status", "method", "amount", "pointsAmount", "cardAmount")}
    assert paid == {"status": "COMPLETED", "method": "POINTS", "amount": amount, "pointsAmount": amount, "cardAmount": 0}
    assert abs(moment(fan.payment["paidAt"]) - datetime.now(UTC)) < timedelta(seconds=SLACK)
    assert fan.viewer()["points"] == balance


@then(Sentence('{name:fan}의 결제는 "{status:code}" 상태다'))
def payment_is(story: Story, name: str, status: str) -> None:
    reservation = story.fan(name).reservation_now()
    assert reservation is not None
    assert reservation["payment"]["id"] == story.fan(name).payment["id"]
    assert reservation["payment"]["status"] == status


@when(Sentence("{name:fan}이/가 결제 상태를 구독한다"))
def subscribes_to_payment(story: Story, name: str) -> None:
    fan = story.fan(name)
    fan.subscribe(documents.PAYMENT_UPDATES, paymentId=fan.payment["id"])


@then(Sentence('{name:fan}은/는 "{status:code}" 상태를 듣고 구독이 끝난다'))
def hears_the_payments_end(story: Story, name: str, status: str) -> None:
    (socket,) = story.fan(name).sockets
    assert [update["status"] for update in socket.until_complete(5)] == [status]
