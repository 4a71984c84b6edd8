"""Reservations: how they stand, and cancelling them."""

from datetime import UTC, datetime

from pytest_bdd import then, when

from features.steps import hold_steps, queue_steps
from features.steps.sentences import Sentence
from features.steps.story import SLACK, Story, eventually, moment
from features.steps.words import RESERVATIONS
from features.worlds import documents
from features.worlds.ids import unknown


@then(Sentence('{name:fan}의 예약은 "{state:state}" 상태이고 금액은 {price:number}원이다'))
def reservation_is(story: Story, name: str, state: str, price: int) -> None:
    reservation = story.fan(name).reservation_now()
    assert reservation is not None
    assert (reservation["status"], reservation["totalPrice"]) == (RESERVATIONS[state], price)
    assert (reservation["expiresAt"] is not None) is (state == "결제 대기")


@then(Sentence('{name:fan}의 예약은 결국 "{state:state}" 상태가 된다'))
def reservation_becomes(story: Story, name: str, state: str) -> None:
    def so_far() -> None:
        reservation = story.fan(name).reservation_now()
        assert reservation is not None
        assert reservation["status"] == RESERVATIONS[state]

    eventually(so_far)


@then(Sentence("{name:fan}의 임시 배정은 {seconds:number}초 뒤에 끝난다"))
def hold_ends_in(story: Story, name: str, seconds: int) -> None:
    left = (moment(story.fan(name).reservation["expiresAt"]) - datetime.now(UTC)).total_seconds()
    assert seconds - SLACK < left <= seconds


@then(Sentence("{name:fan}은/는 예약이 없다"))
def hasno_reservation(story: Story, name: str) -> None:
    assert story.fan(name).viewer()["reservations"]["edges"] == []


@then(Sentence("{name:fan}은/는 {other:fan}의 예약을 볼 수 없다"))
def cannot_see(story: Story, name: str, other: str) -> None:
    reservation_id = story.fan(other).reservation["id"]
    assert story.fan(name).reservation_now(reservation_id) is None
    assert story.fan(name).ask(documents.NODE, id=reservation_id)["node"] is None


@when(Sentence("{name:fan}이/가 예약을 취소한다"))
def cancels(story: Story, name: str) -> None:
    answer = story.fan(name).cancel()
    assert answer.typename == "CancelReservationSuccess", answer
    assert answer["reservation"]["status"] == "CANCELLED"


@when(Sentence("{name:fan}이/가 예약을 취소하려 한다"))
def tries_to_cancel(story: Story, name: str) -> None:
    story.fan(name).cancel()


@when(Sentence("{name:fan}이/가 없는 예약을 취소하려 한다"))
def tries_to_cancel_nothing(story: Story, name: str) -> None:
    story.fan(name).cancel(reservation_id=no_reservation(story))


@when(Sentence("{name:fan}이/가 {other:fan}의 예약을 취소하려 한다"))
def tries_to_cancel_anothers(story: Story, name: str, other: str) -> None:
    story.fan(name).cancel(reservation_id=story.fan(other).reservation["id"])


@then(Sentence("{name:fan}은/는 포인트 {points:number}원과 카드 {card:number}원을 돌려받는다"))
def gets_back(story: Story, name: str, points: int, card: int) -> None:
    answer = story.fan(name).answer
    assert answer is not None and answer.typename == "CancelReservationSuccess"
    assert (answer["refundedPoints"], answer["refundedCard"]) == (points, card)


def no_reservation(story: Story) -> str:
    """A well-formed id of this very performance that nobody was ever given: made from somebody's real one."""
    somebody = story.fan("아무개")
    if not somebody.reservation:
        queue_steps.is_admitted(story, "아무개")
        hold_steps.holds(story, "아무개", ("B10",))
    return unknown(somebody.reservation["id"])
