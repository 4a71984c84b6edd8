"""Messages on their way from the outbox to the fan, those that are given up, and how much memory they take."""

import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx
from pytest_bdd import given, step, then, when

from features.steps.notification_steps import PATIENCE
from features.steps.sentences import Sentence
from features.steps.story import Story, eventually
from features.worlds.database import Database
from features.worlds.faults import PORTS, Faults

TRIES = 5
LONG_ENOUGH = 400
"""Seconds: longer than any wait between two tries."""
GROWTH = 24 * 2**20
"""Bytes that a warm process may grow by while it does the same again several times over."""
A_MONTH = 31 * 86_400


@when(Sentence("브로커가 메시지를 {count:number}번 거절하게 한다"))
def broker_refuses(faults: Faults, count: int) -> None:
    faults.set(PORTS, at="publisher.publish", kind="refuse", times=count)


@then(Sentence("메시지 발행은 {count:number}번 거절된다"))
def was_refused_so_often(story: Story, faults: Faults, count: int) -> None:
    """Between two tries lie waits that grow; they are over sooner here."""

    def refused() -> None:
        Database(story.service.database_url).do(_at_once())
        assert faults.grown("concert_messages_not_published_total", fault="the broker refused the message") == count

    eventually(refused, PATIENCE)


@then(Sentence("{name:fan}의 메시지는 결국 사서함에서 발견되고 이유와 시도 {tries:number}번이 적혀 있다"))
def is_a_dead_letter(story: Story, name: str, tries: int) -> None:
    def found() -> list[str]:
        letters = [line for line in _letters(story) if "PaymentCompleted" in line]
        assert len(letters) == 1, letters
        return letters

    [line] = eventually(found)
    assert "OUTBOX" in line and re.search(rf"{tries}x (INJECTED|MessageSizeTooLarge)", line), line
    story.fan(name).used_keys["letter"] = line.split()[0]


@then(Sentence("{name:fan}의 메시지를 시험 삼아 되살려도 아무 일도 일어나지 않는다"))
def dry_run(story: Story, name: str) -> None:
    letter = story.fan(name).used_keys["letter"]
    assert "would be redriven" in story.service.run("dead-letters", "redrive", letter, "--dry-run")
    assert any(line.startswith(letter) for line in _letters(story))
    time.sleep(story.silence)
    assert story.service.mailbox.letters_to(story.fan(name).phone) == []


@when(Sentence("운영자가 {name:fan}의 메시지를 되살린다"))
def redrive(story: Story, name: str) -> None:
    letter = story.fan(name).used_keys["letter"]
    assert "redriven" in story.service.run("dead-letters", "redrive", letter, "--by", "운영자", "--note", "브로커를 고쳤다")
    shown = story.service.run("dead-letters", "show", letter)
    assert "운영자" in shown and "브로커를 고쳤다" in shown


@when(Sentence("운영자가 {name:fan}의 메시지를 버린다"))
def discard(story: Story, name: str) -> None:
    letter = story.fan(name).used_keys["letter"]
    assert story.service.operator.discard(letter, "팬이 이미 안다") == [None]
    assert "팬이 이미 안다" in story.service.run("dead-letters", "show", letter)


@then(Sentence("열린 사서함은 비어 있다"))
def no_letters(story: Story) -> None:
    assert _letters(story) == []


@when(Sentence("읽을 수 없는 메시지가 끼어든다"))
def poison(story: Story) -> None:
    """The newest message once more, under a key of its own, with nothing in it that could be understood."""
    copy_newest(story, 1, lambda row: row | {"payload": "{}"})


@then(Sentence("읽을 수 없는 메시지는 결국 이유와 함께 사서함에 놓인다"))
def poison_is_buried(story: Story) -> None:
    def buried() -> list[str]:
        letters = [line for line in _letters(story) if "CONSUMER" in line]
        assert len(letters) == 1, letters
        return letters

    [line] = eventually(buried, PATIENCE)
    assert re.search(r"\dx \S+", line), line
    assert story.service.operator.discard(line.split()[0], "읽을 수 없다") == [None]


@then(Sentence("메시지의 시도 횟수는 그대로 {count:number}번이다"))
def no_try_was_spent(story: Story, count: int) -> None:
    [(attempts,)] = Database(story.service.database_url).rows("SELECT MAX(attempts) FROM outbox_messages WHERE published_at IS NULL")
    assert attempts == count


@then(Sentence("브로커가 없는 탓에 발행이 미뤄졌다고 기록되었다"))
def was_put_off(faults: Faults) -> None:
    def put_off() -> None:
        assert faults.grown("concert_messages_not_published_total", fault="the broker is away") >= 1

    eventually(put_off)


@when(Sentence("발행된 메시지들이 한 달 묵는다"))
def published_long_ago(story: Story) -> None:
    database = Database(story.service.database_url)
    database.do(f"UPDATE outbox_messages SET published_at = {database.earlier('published_at', A_MONTH)} WHERE published_at IS NOT NULL")


@then(Sentence("묵은 메시지는 결국 하나도 남지 않는다"))
def purged(story: Story) -> None:
    def gone() -> None:
        [(left,)] = Database(story.service.database_url).rows("SELECT COUNT(*) FROM outbox_messages WHERE published_at IS NOT NULL")
        assert left == 0

    eventually(gone, PATIENCE)


@given(Sentence("메시지 {count:number}건이 밀려 있었고 모두 처리되었다"))
def backlog(story: Story, faults: Faults, count: int) -> None:
    """While the broker is away they pile up; then it is back."""
    faults.set(PORTS, at="publisher.publish", kind="fail", times=3)
    told = notifications(story)
    copy_newest(story, count)
    drained(story, told + count)


@then(Sentence("예매 서비스의 메모리는 그동안 늘지 않는다"))
def memory_is_flat(story: Story, faults: Faults) -> None:
    before = story.service.resident_bytes()
    for _ in range(2):
        backlog(story, faults, 300)
    assert story.service.resident_bytes() - before < GROWTH


@then(Sentence("{name:fan}에게 결국 {kind:code} 문자가 꼭 한 통 오고 보이는 것은 그뿐이다"))
def one_is_seen(story: Story, name: str, kind: str) -> None:
    """Whatever else was sent was not shown on the phone."""
    phone = story.fan(name).phone

    def seen() -> list[str]:
        answer = httpx.get(f"{story.service.providers_url}/mailbox.json", params={"phone": phone}, timeout=20, trust_env=False)
        mails = answer.json()["mails"]
        kinds = [mail["kind"] for mail in mails if mail["delivered"]]
        assert len(kinds) == 1, mails
        return kinds

    [found] = eventually(seen, PATIENCE)
    assert found in ({"SMS", "LMS"} if kind == "SMS" else {kind})
    time.sleep(story.silence)
    assert seen() == [found]


@step(Sentence("알림 처리를 기다리던 시간이 흐른 셈 친다"))
def waits_are_over(story: Story) -> None:
    Database(story.service.database_url).pass_time(LONG_ENOUGH)


@then(Sentence("역할이 쓰러진 것이 기록되고 프로세스는 살아 있다"))
def a_role_fell(story: Story, faults: Faults) -> None:
    def fell() -> None:
        assert faults.grown("concert_role_crashes_total") >= 1

    eventually(fell)
    assert story.service.runs


def _letters(story: Story) -> list[str]:
    """Those that wait for a decision, one a line."""
    letters = story.service.operator.dead_letters()
    return [f"{letter['id']} {letter['origin']} {letter['type']} {letter['tries']}x {letter['reason']}" for letter in letters]


def _at_once() -> str:
    return "UPDATE outbox_messages SET next_attempt_at = NULL WHERE published_at IS NULL AND status = 'RETRYING'"


def copy_newest(story: Story, count: int, change: Callable[[dict[str, Any]], dict[str, Any]] = lambda row: row) -> None:
    """As many messages more as the newest one, each with an id and a key of its own, not yet published."""
    database = Database(story.service.database_url)
    with database.connected() as cursor:
        cursor.execute("SELECT * FROM outbox_messages ORDER BY occurred_at DESC LIMIT 1")
        columns = [column[0] for column in cursor.description]
        row = dict(zip(columns, cursor.fetchone(), strict=True))
    fresh = {"status": "PENDING", "attempts": 0, "sequence": 1, "published_at": None, "lease_owner": None, "leased_until": None}
    rows = []
    for _ in range(count):
        own = {"id": _like(row["id"]), "aggregateid": _like(row["aggregateid"])}
        rows.append([change(row | fresh | own)[column] for column in columns])
    database.insert("outbox_messages", columns, rows)


def _like(value: Any) -> Any:
    """A new id in the shape of another."""
    made = uuid.uuid4()
    if isinstance(value, bytes):
        return made.bytes
    return made.hex if len(value) == 32 else str(made)


def notifications(story: Story) -> int:
    [(count,)] = Database(story.service.database_url).rows("SELECT COUNT(*) FROM notifications")
    return int(count)


def drained(story: Story, told: int) -> None:
    """Everything is published, so many notifications were made of it, and none waits to be sent."""
    database = Database(story.service.database_url)

    def empty() -> None:
        [(left,)] = database.rows("SELECT COUNT(*) FROM outbox_messages WHERE published_at IS NULL AND status <> 'DEAD'")
        assert left == 0
        assert notifications(story) >= told
        [(waiting,)] = database.rows("SELECT COUNT(*) FROM notifications WHERE status = 'PENDING'")
        assert waiting == 0

    eventually(empty, PATIENCE)
