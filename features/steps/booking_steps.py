"""Holding seats, paying for them, cancelling."""

import time
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from pytest_bdd import given, step, then, when

from features.steps import queue_steps
from features.steps.refusal_steps import refused
from features.steps.sentences import Sentence
from features.steps.story import Story, eventually, moment, sleep_until
from features.steps.tokens import NONSENSE, token_called
from features.steps.words import RESERVATIONS
from features.worlds import documents
from features.worlds.fan import Fan
from features.worlds.graphql import Answer, Refused, fresh_key
from features.worlds.ids import unknown

MARGIN = 0.3
SLACK = 10.0
"""Seconds that a machine under load may take between a hold and a look at it."""

# --- holding ---------------------------------------------------------------------------------------------------------


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
    sleep_until(max(moment(fan.reservation["expiresAt"]) for fan in story.fans() if fan.reservation))
    time.sleep(MARGIN)


@when(Sentence("입장 시간이 지난다"))
def the_first_deadline_passes(story: Story) -> None:
    sleep_until(max(moment(fan.admitted_until) for fan in story.fans() if fan.admitted_until))
    time.sleep(MARGIN)


@when(Sentence("{seats:seats} 좌석이 풀리자마자 {name:fan}이/가 임시 배정받아 결제한다"))
def takes_over(story: Story, seats: tuple[str, ...], name: str) -> None:
    eventually(lambda: holds(story, name, seats))
    pays(story, name)


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


# --- paying ----------------------------------------------------------------------------------------------------------


@step(Sentence("{name:fan}이/가 포인트로 결제한다"))
def pays(story: Story, name: str) -> None:
    answer = story.fan(name).pay()
    assert answer.typename == "PaySuccess", answer


@step(Sentence("{name:fan}이/가 {seats:seats} 좌석을 산다"))
@given(Sentence("{name:fan}이/가 {seats:seats} 좌석을 사서 가지고 있다"))
def buys(story: Story, name: str, seats: tuple[str, ...]) -> None:
    has_held(story, name, seats)
    pays(story, name)


@when(Sentence("{name:fan}이/가 결제하려 한다"))
def tries_to_pay(story: Story, name: str) -> None:
    story.fan(name).pay()


@when(Sentence('{name:fan}이/가 "{which:state}" 토큰으로 결제하려 한다'))
def tries_to_pay_with(story: Story, name: str, which: str) -> None:
    story.fan(name).pay(token=token_called(which, name, story))


@when(Sentence("{name:fan}이/가 없는 예약을 결제하려 한다"))
def tries_to_pay_for_nothing(story: Story, name: str) -> None:
    story.fan(name).pay(reservation_id=_no_reservation(story))


@when(Sentence("{name:fan}이/가 {other:fan}의 예약을 결제하려 한다"))
def tries_to_pay_for_another(story: Story, name: str, other: str) -> None:
    story.fan(name).pay(reservation_id=story.fan(other).reservation["id"])


@when(Sentence("{name:fan}이/가 카드로 결제하려 한다"))
def tries_to_pay_by_card(story: Story, name: str) -> None:
    story.fan(name).pay(method="CARD", orderId="order-000001", paymentKey="payment-key")


@when(Sentence("{name:fan}이/가 카드 결제를 준비하려 한다"))
def tries_to_prepare_a_card_payment(story: Story, name: str) -> None:
    fan = story.fan(name)
    fan.send(documents.PREPARE_PAYMENT, {"reservationId": fan.reservation["id"], "queueToken": fan.token})


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


# --- cancelling ------------------------------------------------------------------------------------------------------


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
    story.fan(name).cancel(reservation_id=_no_reservation(story))


@when(Sentence("{name:fan}이/가 {other:fan}의 예약을 취소하려 한다"))
def tries_to_cancel_anothers(story: Story, name: str, other: str) -> None:
    story.fan(name).cancel(reservation_id=story.fan(other).reservation["id"])


@then(Sentence("{name:fan}은/는 포인트 {points:number}원과 카드 {card:number}원을 돌려받는다"))
def gets_back(story: Story, name: str, points: int, card: int) -> None:
    answer = story.fan(name).answer
    assert answer is not None and answer.typename == "CancelReservationSuccess"
    assert (answer["refundedPoints"], answer["refundedCard"]) == (points, card)


# --- reservations ----------------------------------------------------------------------------------------------------


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
def has_no_reservation(story: Story, name: str) -> None:
    assert story.fan(name).viewer()["reservations"]["edges"] == []


@then(Sentence("{name:fan}은/는 {other:fan}의 예약을 볼 수 없다"))
def cannot_see(story: Story, name: str, other: str) -> None:
    reservation_id = story.fan(other).reservation["id"]
    assert story.fan(name).reservation_now(reservation_id) is None
    assert story.fan(name).ask(documents.NODE, id=reservation_id)["node"] is None


# --- the same intent again -------------------------------------------------------------------------------------------


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


def _asks_wrongly(story: Story, name: str, seat_ids: list[str]) -> None:
    fan = story.fan(name)
    with pytest.raises(Refused) as refusal:
        fan.hold(story.show.performance_id, seat_ids)
    fan.refused = refusal.value


def _no_reservation(story: Story) -> str:
    """A well-formed id of this very performance that nobody was ever given: made from somebody's real one."""
    somebody = story.fan("아무개")
    if not somebody.reservation:
        queue_steps.is_admitted(story, "아무개")
        holds(story, "아무개", ("B10",))
    return unknown(somebody.reservation["id"])
