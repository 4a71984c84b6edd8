"""The servers and providers around a service, and the way to them, broken for real."""

import asyncio
import time

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from pytest_bdd import given, step, then, when

from adapters.kafka.topics import TOPIC
from application.messaging.relay_outbox import BATCH
from features.steps import hold_steps
from features.steps.card_steps import Cards, order_with_card
from features.steps.endurance_steps import pays_within
from features.steps.outage_steps import pay_around
from features.steps.outbox_steps import GROWTH, copy_newest, drained, notifications
from features.steps.sentences import Sentence
from features.steps.story import Story, eventually
from features.worlds.database import Database
from features.worlds.faults import Faults
from tests.servers.proxy import Fault

COMMITS = {
    "결제": b"INSERT INTO payments ",
    "포인트 복구": f"X'{b'RESTORE'.hex()}'".encode(),
    "토큰 만료": f"X'{b'LEFT'.hex()}'".encode(),
}
"""What stands in the packet that writes and commits each, and in no other that a service sends in the meantime."""
TABLES = {"티켓": "tickets", "포인트 원장": "point_ledger"}
ERRORS = {"디스크 부족": 1021, "교착": 1213}
SMALL = 100
"""Bytes: less than any message of ours."""
RATHER_MUCH = 1_048_588


@when(Sentence("MySQL이 멈춘다"))
def mysql_hangs(story: Story) -> None:
    story.servers.mysql.pause()
    story.stack.callback(story.servers.mysql.resume)


@when(Sentence("MySQL이 다시 움직인다"))
def mysql_moves(story: Story) -> None:
    story.servers.mysql.resume()


@when(Sentence("팬들이 결제하는 동안 MySQL이 kill -9로 죽었다가 다시 뜬다"))
def mysql_dies_among_payments(story: Story) -> None:
    """It stays dead until everybody has been answered."""
    pay_around(story, story.servers.mysql.kill)
    story.servers.mysql.start()
    story.service.await_servers()


@when(Sentence('"{commit:state}" 커밋이 MySQL에 닿기 전에 연결이 끊기게 한다'))
def cut_before(story: Story, commit: str) -> None:
    story.servers.network.once(Fault.CUT_REQUEST, on=COMMITS[commit])


@when(Sentence('"{commit:state}" 커밋의 답이 오다가 연결이 끊기게 한다'))
def cut_after(story: Story, commit: str) -> None:
    story.servers.network.once(Fault.CUT_ANSWER, on=COMMITS[commit])


@then(Sentence("끊기기로 한 연결은 끊겼다"))
def was_cut(story: Story) -> None:
    assert not story.servers.network.is_planned, "nothing of the kind was sent"


@when(Sentence('MySQL이 "{table:state}" 표에 쓰려는 것을 "{error:state}" 오류로 거절한다'))
def refuses_rows(story: Story, table: str, error: str) -> None:
    """Until it is mended: by a trigger, since a disk that is full for one table cannot be had."""
    raising = f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {ERRORS[error]}"
    Database(story.service.database_url).do(f"CREATE TRIGGER refusing BEFORE INSERT ON {TABLES[table]} FOR EACH ROW {raising}")
    story.stack.callback(takes_rows, story)


@when(Sentence("MySQL이 다시 모두 받는다"))
def takes_rows(story: Story) -> None:
    Database(story.service.database_url).do("DROP TRIGGER IF EXISTS refusing")


@when(Sentence("예약 기록이 망가진다"))
def rows_are_damaged(story: Story) -> None:
    Database(story.service.database_url).do("UPDATE reservations SET status = 'DAMAGED' WHERE status = 'PENDING'")
    story.stack.callback(rows_are_mended, story)


@when(Sentence("망가진 기록이 고쳐진다"))
def rows_are_mended(story: Story) -> None:
    Database(story.service.database_url).do("UPDATE reservations SET status = 'PENDING' WHERE status = 'DAMAGED'")


@when(Sentence("Kafka가 kill -9로 죽는다"))
def kafka_dies(story: Story) -> None:
    story.servers.kafka.kill()


@when(Sentence("Kafka가 메시지를 너무 크다고 거절하게 한다"))
def kafka_takes_little(story: Story) -> None:
    _limit_messages(story, SMALL)
    story.stack.callback(_limit_messages, story, RATHER_MUCH)


@when(Sentence("Kafka가 다시 여느 크기의 메시지를 받는다"))
def kafka_takes_all(story: Story) -> None:
    _limit_messages(story, RATHER_MUCH)


@then(Sentence("Kafka가 멈춘 사이 메시지 {count:number}건씩 밀렸다가 {times:number}번 처리되어도 메모리가 늘지 않는다"))
def backlogs_take_no_memory(story: Story, count: int, times: int) -> None:
    """The first one warms up. Each is more than a relay takes up at once."""
    assert count > 2 * BATCH
    before = 0
    for number in range(times + 1):
        story.servers.kafka.pause()
        told = notifications(story)
        copy_newest(story, count)
        story.servers.kafka.resume()
        drained(story, told + count)
        before = before or story.service.resident_bytes()
        assert number == 0 or story.service.resident_bytes() - before < GROWTH


@when(Sentence("카드사와 알림 업체가 멈춘다"))
def providers_hang(story: Story) -> None:
    assert story.service.providers is not None
    story.service.providers.pause()
    story.stack.callback(story.service.providers.start)


@when(Sentence("카드사와 알림 업체가 죽는다"))
def providers_die(story: Story) -> None:
    assert story.service.providers is not None
    story.service.providers.kill()
    story.stack.callback(story.service.providers.start)


@when(Sentence("카드사와 알림 업체가 돌아온다"))
def providers_return(story: Story) -> None:
    assert story.service.providers is not None
    story.service.providers.start()


@given(Sentence("{name:fan}이/가 결제창에서 카드를 골라 두었다"))
def card_is_chosen(story: Story, faults: Faults, cards: Cards, name: str) -> None:
    order_with_card(story, faults, cards, name)


@step(Sentence("{name:fan}이/가 골라 둔 카드로 결제하려 한다"))
def tries_the_chosen_card(story: Story, cards: Cards, name: str) -> None:
    story.fan(name).pay(**cards.last[name])


@then(Sentence("{name:fan}은/는 {seconds:number}초 안에 {seats:seats} 좌석을 산다"))
def buys_within(story: Story, name: str, seconds: int, seats: tuple[str, ...]) -> None:
    """The time is that of paying."""
    hold_steps.has_held(story, name, seats)
    pays_within(story, name, seconds)


@when(Sentence("{seconds:number}초가 지난다"))
def time_goes_by(seconds: int) -> None:
    time.sleep(seconds)


@then(Sentence("{name:fan}의 알림은 결국 문자로 넘어간다"))
def falls_over_to_sms(story: Story, name: str) -> None:
    """A row for the text message stands beside that of the AlimTalk which failed."""

    def fell_over() -> None:
        phone = story.fan(name).phone
        rows = Database(story.service.database_url).rows(f"SELECT channel, status FROM notifications WHERE phone = '{phone}'")
        assert ("ALIMTALK", "FAILED") in rows and "SMS" in {channel for channel, _ in rows}, rows

    eventually(fell_over)


def _limit_messages(story: Story, size: int) -> None:
    """The largest that the broker takes, in bytes, of bookings' messages."""

    async def limit() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=story.servers.kafka.url)
        await admin.start()
        try:
            topics = [topic for topic in await admin.list_topics() if topic.endswith(TOPIC)]
            wanted = {"max.message.bytes": str(size)}
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, wanted) for topic in topics])
        finally:
            await admin.close()

    asyncio.run(limit())
