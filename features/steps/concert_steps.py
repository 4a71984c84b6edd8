"""Services, concerts and their operator."""

from pytest_bdd import given, step, then, when

from features.steps.sentences import Sentence
from features.steps.story import Story, eventually, sleep_past
from features.steps.words import SEATS
from features.worlds.operator import Plan
from features.worlds.service import Tempo


@given(Sentence("임시 배정은 {hold:number}초, 입장은 {entry:number}초 동안인 예매 서비스가 있다"))
def a_service_in_a_hurry(story: Story, hold: int, entry: int) -> None:
    story.use(story.world.service(Tempo(hold_seconds=hold, pass_seconds=entry)))


@given(Sentence("바깥 서버를 따로 쓰는 예매 서비스가 있다"))
def a_service_on_own_servers(story: Story) -> None:
    story.use_own_servers()


@given(Sentence("콘서트가 판매 중이다"))
def on_sale(story: Story) -> None:
    story.put_on_sale(Plan())


@given(Sentence("한 번에 {capacity:number}명씩 입장하는 콘서트가 판매 중이다"))
def on_sale_with_slots(story: Story, capacity: int) -> None:
    story.put_on_sale(Plan(capacity=capacity))


@given(Sentence("좌석값이 {price:number}원인 콘서트가 판매 중이다"))
def on_sale_at_a_price(story: Story, price: int) -> None:
    story.put_on_sale(Plan(price=price))


@given(Sentence("좌석이 {count:number}석뿐인 콘서트가 판매 중이다"))
def on_sale_with_few_seats(story: Story, count: int) -> None:
    story.put_on_sale(Plan(sections=(("A", count),)))


@given(Sentence("{seconds:number}초 뒤에 판매가 끝나는 콘서트가 있다"))
def sales_end_soon(story: Story, seconds: int) -> None:
    story.put_on_sale(Plan(sales_close=seconds))


@given(Sentence("{seconds:number}초 뒤에 공연이 시작되는 콘서트가 판매 중이다"))
def show_starts_soon(story: Story, seconds: int) -> None:
    story.put_on_sale(Plan(sales_close=seconds, starts=seconds))


@given(Sentence("대기열이 열려 있고 {seconds:number}초 뒤에 판매를 시작하는 콘서트가 있다"))
def gathering(story: Story, seconds: int) -> None:
    story.put_on_sale(Plan(sales_open=seconds))


@given(Sentence("대기열이 아직 열리지 않은 콘서트가 있다"))
def not_open_yet(story: Story) -> None:
    story.put_on_sale(Plan(queue_opens=1800, sales_open=3000))


@given(Sentence("판매가 끝난 콘서트가 있다"))
def sales_ended(story: Story) -> None:
    story.put_on_sale(Plan(queue_opens=-7200, sales_open=-7200, sales_close=-60))


@given(Sentence("운영자가 입장을 멈췄다"))
def operator_paused(story: Story) -> None:
    story.service.operator.pause(story.show)


@when(Sentence("운영자가 입장을 다시 연다"))
def operator_resumes(story: Story) -> None:
    story.service.operator.resume(story.show)


@given(Sentence("운영자가 대기열을 닫았다"))
def operator_closed(story: Story) -> None:
    story.service.operator.close(story.show)


@when(Sentence("판매가 끝난다"))
def sales_end(story: Story) -> None:
    sleep_past(story.show.sales_close_at)


@when(Sentence("공연이 시작된다"))
def show_starts(story: Story) -> None:
    sleep_past(story.show.starts_at)


@step(Sentence('{seats:seats} 좌석은 "{state:state}" 상태다'))
def seats_are(story: Story, seats: tuple[str, ...], state: str) -> None:
    assert story.seat_states(seats) == dict.fromkeys(seats, SEATS[state])


@step(Sentence('{seats:seats} 좌석은 결국 "{state:state}" 상태가 된다'))
def seats_become(story: Story, seats: tuple[str, ...], state: str) -> None:
    eventually(lambda: seats_are(story, seats, state))


@then(Sentence("대기열에는 아무도 없다"))
def nobody_in_line(story: Story) -> None:
    queue = story.queue()
    assert queue is not None
    assert (queue["waiting"], queue["active"]) == (0, 0)


@then(Sentence("대기열에는 {count:number}명이 기다린다"))
def so_many_in_line(story: Story, count: int) -> None:
    def as_many() -> None:
        queue = story.queue()
        assert queue is not None
        assert queue["waiting"] == count

    eventually(as_many)


@then(Sentence("콘서트는 보이지만 대기열 현황은 비어 있다"))
def the_queue_alone_is_gone(story: Story) -> None:
    assert story.queue() is None
    assert story.seat_states(("B1",)) == {"B1": "AVAILABLE"}
