"""The same intent sent again, and another intent under the same key."""

from pytest_bdd import then, when

from features.steps.sentences import Sentence
from features.steps.story import Story
from features.steps.tokens import NONSENSE
from features.worlds.fan import Fan
from features.worlds.graphql import Answer, fresh_key


@when(Sentence("{name:fan}이/가 같은 키로 다시 결제한다"))
def pays_again(story: Story, name: str) -> None:
    _pay_again(story.fan(name), story.fan(name).token)


@when(Sentence("{name:fan}이/가 엉터리 토큰과 같은 키로 다시 결제한다"))
def pays_again_with_nonsense(story: Story, name: str) -> None:
    _pay_again(story.fan(name), NONSENSE)


@then(Sentence("{name:fan}은/는 처음과 같은 결제와 티켓을 받는다"))
def gets_the_first_payment(story: Story, name: str) -> None:
    fan = story.fan(name)
    assert fan.answer is not None and fan.answer.typename == "PaySuccess", fan.answer
    assert fan.answer["payment"] == fan.payment
    assert fan.answer["tickets"] == fan.tickets


@when(Sentence("{name:fan}이/가 같은 키로 동시에 {count:number}번 결제한다"))
def pays_many_times(story: Story, name: str, count: int) -> None:
    fan, key = story.fan(name), fresh_key("pay")
    story.answers = list(story.at_once([lambda: fan.pay(key=key)] * count))


@then(Sentence("{count:number}번 모두 같은 결제를 받는다"))
def all_get_the_same(story: Story, count: int) -> None:
    assert len(story.answers) == count
    first = story.answers[0]
    assert first is not None and first.typename == "PaySuccess", first
    assert story.answers == [first] * count


@when(Sentence("{name:fan}이/가 먼젓번 키로 결제하려 한다"))
def tries_to_pay_with_the_last_key(story: Story, name: str) -> None:
    fan = story.fan(name)
    fan.pay(key=fan.used_keys["pay"])


@when(Sentence("{name:fan}와/과 {other:fan}이/가 똑같은 키로 결제한다"))
def both_pay_with_one_key(story: Story, name: str, other: str) -> None:
    key = fresh_key("pay")
    for fan in (story.fan(name), story.fan(other)):
        assert fan.pay(key=key).typename == "PaySuccess", fan.answer


@then(Sentence("{name:fan}와/과 {other:fan}의 결제는 서로 다르다"))
def payments_differ(story: Story, name: str, other: str) -> None:
    assert story.fan(name).payment["id"] != story.fan(other).payment["id"]


@when(Sentence("{name:fan}이/가 같은 키로 {seats:seats} 좌석을 다시 임시 배정받는다"))
def holds_again(story: Story, name: str, seats: tuple[str, ...]) -> None:
    fan = story.fan(name)
    story.answers = [Answer("HoldSeatsSuccess", {"reservation": fan.reservation})]
    answer = fan.hold(story.show.performance_id, story.show.ids(seats), key=fan.used_keys["hold"])
    assert answer.typename == "HoldSeatsSuccess", answer


@then(Sentence("{name:fan}은/는 처음과 같은 예약을 받는다"))
def gets_the_first_reservation(story: Story, name: str) -> None:
    (first,) = story.answers
    assert first is not None
    assert story.fan(name).reservation == first["reservation"]


@when(Sentence("{name:fan}이/가 같은 키로 {seats:seats} 좌석을 임시 배정받으려 한다"))
def tries_to_hold_others_with_the_key(story: Story, name: str, seats: tuple[str, ...]) -> None:
    fan = story.fan(name)
    fan.hold(story.show.performance_id, story.show.ids(seats), key=fan.used_keys["hold"])


@when(Sentence("{name:fan}이/가 같은 키로 다시 취소한다"))
@when(Sentence("{name:fan}이/가 먼젓번 키로 예약을 취소하려 한다"))
def cancels_with_the_key(story: Story, name: str) -> None:
    fan = story.fan(name)
    fan.cancel(key=fan.used_keys["cancel"])


def _pay_again(fan: Fan, token: str) -> None:
    """The fan's memory of the first answer stays, to compare the second with."""
    payment, tickets = fan.payment, fan.tickets
    fan.pay(token=token, key=fan.used_keys["pay"])
    fan.payment, fan.tickets = payment, tickets
