"""Faults that are injected, and what the service says and does about them."""

import itertools
import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest
from pytest_bdd import given, step, then, when

from features.steps.refusal_steps import refused
from features.steps.sentences import Sentence, Table
from features.steps.story import Story, eventually
from features.worlds import documents
from features.worlds.database import Database
from features.worlds.faults import CHANNELS, GATEWAY, PORTS, Faults
from features.worlds.graphql import Answer, Refused
from features.worlds.service import Tempo

PLACES = {
    "결제": "PayWithPoints",
    "예약 확정": "confirm_reservation",
    "포인트 차감": "deduct_points",
    "티켓 발급": "issue_tickets",
    "구매 기록": "update_buyer",
    "Outbox 기록": "append_outbox_message",
    "토큰 만료": "GiveUpPlace",
    "카드 결제 시작": "PinHold",
    "카드 결제 완료": "CompleteCardPayment",
    "카드 결제 실패 처리": "FailCardPayment",
    "환불 시작": "CancelFoundReservation",
    "환불 완료": "FinishRefund",
    "알림 접수": "TakeNotice",
    "메시지 발행": "publisher.publish",
    "발행 표시": "outbox.mark_published",
    "알림톡 전송": "guarded_alimtalk.send",
    "전송 표시": "notifications.mark_sent",
}
STEPS = {"결제": "payment", "티켓 발급": "ticket_issuance", "포인트 차감": "point_deduction", "토큰 만료": "token_expiry"}
CAUSES = {"처리되지 않은 예외": "unhandled_exception", "자원 부족": "lack_of_resource", "느린 질의와 입출력": "slow_query_io"}
CIRCUITS = {"티켓 발급": "ticket-issuance", "카드 승인": "gateway-confirm", "알림톡": "alimtalk"}
CIRCUIT_STATES = {"닫힘": 0, "반쯤 열림": 1, "열림": 2}
AT_ONCE = 1.0


@pytest.fixture
def faults() -> Iterator[Faults]:
    faults = Faults()
    yield faults
    faults.end()


@given(Sentence("장애를 심을 수 있는 예매 서비스가 있다"))
def a_service_with_faults(story: Story, faults: Faults) -> None:
    story.use(story.world.service(Tempo(faults=True)))
    faults.meet(story.service)


@step(Sentence('"{place:state}" 단계가 {count:number}번 실패하게 한다'))
def fails_so_often(faults: Faults, place: str, count: int) -> None:
    faults.set(PORTS, at=PLACES[place], kind="fail", times=count)


@step(Sentence('"{place:state}" 단계가 계속 실패하게 한다'))
def fails_always(faults: Faults, place: str) -> None:
    faults.set(PORTS, at=PLACES[place], kind="fail", times=None)


@step(Sentence('"{place:state}" 단계의 답이 {count:number}번 사라지게 한다'))
def loses_answers(faults: Faults, place: str, count: int) -> None:
    faults.set(PORTS, at=PLACES[place], kind="lose-answer", times=count)


@step(Sentence('"{place:state}" 단계가 {seconds:number}초씩 멈추게 한다'))
def hangs(faults: Faults, place: str, seconds: int) -> None:
    faults.set(PORTS, at=PLACES[place], kind="hang", times=None, seconds=seconds)


@step(Sentence('"{place:state}" 단계에서 예상하지 못한 오류가 {count:number}번 나게 한다'))
def has_bugs(faults: Faults, place: str, count: int) -> None:
    faults.set(PORTS, at=PLACES[place], kind="bug", times=count)


@step(Sentence('"{place:state}" 단계 직전에 프로세스가 죽게 한다'))
def dies_before(faults: Faults, place: str) -> None:
    faults.set(PORTS, at=PLACES[place], kind="die")


@step(Sentence('"{place:state}" 단계 직후에 프로세스가 죽게 한다'))
def dies_after(faults: Faults, place: str) -> None:
    faults.set(PORTS, at=PLACES[place], kind="die-after")


@step(Sentence("장애가 걷힌다"))
def faults_end(faults: Faults) -> None:
    faults.clear()


@step(Sentence("죽은 예매 서비스가 다시 뜬다"))
def rises(story: Story) -> None:
    def dead() -> None:
        assert not story.service.runs, "nobody died"

    eventually(dead)
    story.kill()
    story.service.start()


@then(Sentence('"{place:state}" 단계는 {count:number}번 시도되었다'))
def was_tried(faults: Faults, place: str, count: int) -> None:
    assert len(faults.reached(PLACES[place])) == count


@then(Sentence('"{step_name:state}"의 실패가 "{cause:state}"으로/로 {count:number}번 기록되었다'))
def failures_were_counted(faults: Faults, step_name: str, cause: str, count: int) -> None:
    assert faults.grown("concert_failures_total", step=STEPS[step_name], kind=CAUSES[cause]) == count


@then(Sentence('실패가 "{cause:state}"으로/로 기록되었다'))
def some_failure_was_counted(faults: Faults, cause: str) -> None:
    assert faults.grown("concert_failures_total", kind=CAUSES[cause]) >= 1


@then(Sentence("{name:fan}은/는 {seconds:number}초 안에 ServiceUnavailable을 듣고 다시 시도할 때를 알게 된다"))
def hears_in_time(story: Story, name: str, seconds: int) -> None:
    fan = story.fan(name)
    began = time.monotonic()
    answer = fan.pay()
    assert time.monotonic() - began < seconds
    assert refused(answer, "ServiceUnavailable")["retryAfterSeconds"] >= 1


@when(Sentence("{name:fan}이/가 결제를 요청하며 상관 아이디를 기억한다"))
def pays_and_keeps_the_correlation(story: Story, name: str) -> None:
    fan = story.fan(name)
    request = {"reservationId": fan.reservation["id"], "queueToken": fan.token, "idempotencyKey": f"traced-{time.time_ns()}"}
    body = {"query": documents.PAY, "variables": {"input": request}}
    headers = {"Authorization": f"Bearer {fan.bearer}"}
    response = httpx.post(f"{story.service.url}/graphql", json=body, headers=headers, timeout=15, trust_env=False)
    answer = response.json()
    if answer.get("errors"):
        fan.refused = Refused(answer["errors"])
    else:
        fan.answer = Answer(answer["data"]["pay"]["__typename"], answer["data"]["pay"])
    fan.used_keys["correlation"] = response.headers["x-correlation-id"]


@then(Sentence("그 상관 아이디로 실패가 {count:number}줄 이상 적혀 있다"))
def failures_are_written_down(story: Story, count: int) -> None:
    """Structured, one line each, without what the person has typed in."""
    [fan] = [fan for fan in story.fans() if "correlation" in fan.used_keys]
    lines = [line for line in story.service.log_lines() if fan.used_keys["correlation"] in line]
    failures = [line for line in lines if "[warning" in line or "[error" in line]
    assert len(failures) >= count, lines
    assert all(fan.phone not in line and fan.token not in line for line in lines)


@then(Sentence("{name:fan}은/는 속사정이 가려진 오류를 받는다"))
def gets_a_masked_error(story: Story, name: str) -> None:
    fan = story.fan(name)
    problem, fan.refused = fan.refused, None
    assert problem is not None
    assert problem.extensions["code"] == "INTERNAL"
    assert "fault" not in str(problem) and "RuntimeError" not in str(problem)


@then(Sentence("가려진 오류가 {count:number}번 기록되고 프로세스는 살아 있다"))
def was_masked(story: Story, faults: Faults, count: int) -> None:
    assert faults.grown("concert_internal_errors_total") == count
    assert story.service.runs


@when(Sentence("팬들이 모두 동시에 결제한다"))
def the_crowd_pays(story: Story) -> None:
    story.answers = story.at_once([partial(_paid_or_refused, fan) for fan in story.crowd])


@then(Sentence("대기가 시도마다 길어지되 한도를 넘지 않는다"))
def waits_grow(faults: Faults) -> None:
    """Full jitter: each wait lies under a ceiling that doubles; on the average of several payers the waits grow."""
    moments: dict[str, list[float]] = {}
    for one in faults.reached("PayWithPoints"):
        moments.setdefault(one["subject"], []).append(one["moment"])
    waits = [[later - earlier for earlier, later in itertools.pairwise(tries)] for tries in moments.values()]
    assert waits and all(len(of_one) == 4 for of_one in waits), waits
    overhead = 0.5
    assert all(wait < 0.05 * 2**number + overhead for of_one in waits for number, wait in enumerate(of_one)), waits
    first, last = (sum(of_one[number] for of_one in waits) for number in (0, 3))
    assert first < last, waits
    assert len({round(of_one[3], 3) for of_one in waits}) > 1, "no jitter"


@then(Sentence("팬들은 모두 ServiceUnavailable로 거절된다"))
def the_crowd_is_refused(story: Story) -> None:
    for answer in story.answers:
        refused(answer, "ServiceUnavailable")


@then(Sentence('"{circuit:state}" 회로는 "{state:state}" 상태다'))
def circuit_is(faults: Faults, circuit: str, state: str) -> None:
    assert faults.gauge("concert_circuit_state", circuit=CIRCUITS[circuit]) == CIRCUIT_STATES[state]


@then(Sentence('"{circuit:state}" 회로는 결국 "{state:state}" 상태가 된다'))
def circuit_becomes(faults: Faults, circuit: str, state: str) -> None:
    eventually(partial(circuit_is, faults, circuit, state), 30.0)


@when(Sentence("회로를 쉬게 하는 시간이 지난다"))
def the_circuit_cools_down() -> None:
    time.sleep(2.3)


@then(Sentence("{name:fan}의 결제는 시도 없이 곧바로 TicketIssuanceFailed로 거절된다"))
def is_refused_at_once(story: Story, faults: Faults, name: str) -> None:
    before = len(faults.reached("issue_tickets"))
    began = time.monotonic()
    refused(story.fan(name).pay(), "TicketIssuanceFailed")
    assert time.monotonic() - began < AT_ONCE
    assert len(faults.reached("issue_tickets")) == before


@when(Sentence("데이터베이스의 포인트 계좌가 {seconds:number}초 동안 잠긴 사이에 {name:fan}이/가 포인트로 결제한다"))
def pays_while_locked(story: Story, name: str, seconds: int) -> None:
    def lock() -> None:
        with Database(story.service.database_url).locked("point_accounts"):
            time.sleep(seconds)

    def pay() -> None:
        time.sleep(0.3)
        assert story.fan(name).pay().typename == "PaySuccess", story.fan(name).answer

    story.fan(name)
    story.at_once([lock, pay])


@step(Sentence("{seconds:number}초가 흐른 셈 친다"))
def time_passes(story: Story, seconds: int) -> None:
    Database(story.service.database_url).pass_time(seconds, for_holds=True)


@step(Sentence("입장 시간만 {seconds:number}초 지난 셈 친다"))
def passes_run_out(story: Story, seconds: int) -> None:
    """The holds stay."""
    database = Database(story.service.database_url)
    for column in ("deadline", "first_deadline"):
        database.do(f"UPDATE buyers SET {column} = {database.earlier(column, seconds)} WHERE {column} IS NOT NULL")


@step(Sentence("카드사가 다음과 같이 고장 난다"))
def the_gateway_breaks(faults: Faults, datatable: Table) -> None:
    _break(faults, GATEWAY, datatable)


@step(Sentence("알림 업체가 다음과 같이 고장 난다"))
def the_channels_break(faults: Faults, datatable: Table) -> None:
    _break(faults, CHANNELS, datatable)


def _break(faults: Faults, switches: str, table: Table) -> None:
    """The head row names the fields of the look-alike's fault."""
    for row in table[1:]:
        given = {name: _value(text) for name, text in zip(table[0], row, strict=True) if text}
        faults.set(switches, **given)


def _value(text: str) -> Any:
    """A number where it is one, null for `계속`."""
    if text == "계속":
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def _paid_or_refused(fan: Any) -> Answer | None:
    try:
        answer: Answer = fan.pay()
    except Refused as refusal:
        fan.refused = refusal
        return None
    return answer
