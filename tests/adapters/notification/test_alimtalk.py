"""AlimTalk against the look-alike, over real HTTP."""

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from adapters.notification.alimtalk import AlimtalkChannel
from adapters.notification.nhn_client import NhnClient
from application.ports.notification_channel import NotSent, Receipt, Rejected
from domain.errors import ChannelThrottled, ChannelUnavailable
from entrypoints.simulators.faults import FaultKind, Operation
from entrypoints.simulators.nhn_provider import Account
from tests.adapters.notification.scene import PHONE, SENDER_NUMBER, Provided, notification
from tests.contracts.clocks import FixedClock
from tests.fakes.served import served
from tests.servers.ports import free_port

TEXT = """\
[콘서트 예매] 결제가 완료되어 티켓이 발급되었습니다.

공연: 첫눈
장소: 올림픽홀
일시: 2030년 5월 9일(목) 19:30
좌석: A 1열 1번(R), A 1열 2번(R)
결제 금액: 100,000원

공연 당일 티켓의 코드를 보여 주시면 입장하실 수 있습니다."""


async def test_the_fan_reads_every_fact_of_the_ticket(provider: Provided) -> None:
    receipt = await provider.alimtalk().send(notification())
    [mail] = await provider.received()
    assert (mail.kind, mail.phone, mail.text) == ("ALIMTALK", PHONE, TEXT)
    assert (mail.grouping_key, mail.request_id) == (str(notification().id), receipt.reference)


async def test_a_repeat_within_ten_minutes_is_known_and_sends_nothing(provider: Provided, clock: FixedClock) -> None:
    channel = provider.alimtalk()
    first = await channel.send(notification())
    clock.move(timedelta(minutes=9, seconds=59))
    assert await channel.send(notification()) == first
    assert len(await provider.received()) == 1


async def test_a_repeat_that_the_provider_cannot_show_yet_is_not_called_sent(provider: Provided) -> None:
    channel = provider.alimtalk()
    await channel.send(notification())
    provider.fault(FaultKind.ERROR, operation=Operation.FIND)
    with pytest.raises(ChannelUnavailable):
        await channel.send(notification())
    assert len(await provider.received()) == 1


async def test_a_message_is_found_by_its_notification_and_no_other(provider: Provided) -> None:
    channel = provider.alimtalk()
    assert await channel.find(notification()) is None
    await channel.send(notification(2))
    assert await channel.find(notification()) is None
    receipt = await channel.send(notification())
    assert await channel.find(notification()) == receipt


async def test_a_message_is_found_days_later(provider: Provided, clock: FixedClock) -> None:
    channel = provider.alimtalk()
    clock.move(timedelta(days=3))
    receipt = await channel.send(notification())
    assert await channel.find(notification()) == receipt


@pytest.mark.parametrize(
    ("resend_status", "code", "expected"),
    [("RSC01", 3019, Rejected), ("RSC05", 3020, Rejected), ("RSC01", 3005, None), ("RSC02", 3019, None), ("RSC03", 3019, None)],
)
async def test_a_failed_delivery_counts_only_where_nothing_else_may_reach_the_fan(
    provider: Provided, resend_status: str, code: int, expected: type[Exception] | None
) -> None:
    channel = provider.alimtalk()
    provider.fault(FaultKind.UNDELIVERED, code=code, resend_status=resend_status)
    receipt = await channel.send(notification())
    if expected is None:
        assert await channel.find(notification()) == receipt
    else:
        with pytest.raises(expected, match=f"^delivery {code}$"):
            await channel.find(notification())


@pytest.mark.parametrize("code", ["3005", 3005])
@pytest.mark.parametrize(
    ("reply", "readable"),
    [
        ({}, False),
        ({"messageSearchResultResponse": {}}, False),
        ({"messageSearchResultResponse": {"message": []}}, False),
        ({"messageSearchResultResponse": None}, True),
        ({"messageSearchResultResponse": {"messages": None}}, True),
        ({"messageSearchResultResponse": {"messages": []}}, True),
    ],
)
async def test_only_a_reply_that_can_be_read_says_that_there_is_no_message(reply: dict[str, object], readable: bool, code: object) -> None:
    one = {"recipientGroupingKey": str(notification().id), "requestId": "r-1", "messageStatus": "FAILED"}
    doubtful = one | {"resultCode": code, "resendStatus": "RSC01"}
    replies: list[dict[str, object]] = [reply, {"messageSearchResultResponse": {"messages": [doubtful]}}]

    async def search(_: Request) -> JSONResponse:
        return JSONResponse({"header": {"resultCode": 0}} | replies.pop(0))

    async with served(Starlette(routes=[Route("/{path:path}", search)])) as url:
        client = NhnClient(url, "secret")
        channel = AlimtalkChannel(client, "appkey", "sender-key")
        if readable:
            assert await channel.find(notification()) is None
        else:
            with pytest.raises(ChannelUnavailable, match=r"^a search result that cannot be read$"):
                await channel.find(notification())
        assert await channel.find(notification()) == Receipt(reference="r-1"), "doubtful, as a number or as a text"
        await client.close()


async def test_the_dealer_sends_on_what_kakao_could_not_deliver(provider: Provided) -> None:
    channel = provider.alimtalk(failover_sender=SENDER_NUMBER)
    provider.fault(FaultKind.UNDELIVERED, resend_status="RSC04")
    receipt = await channel.send(notification())
    [mail] = await provider.received()
    assert (mail.kind, mail.title, mail.text) == ("LMS", "[콘서트 예매] 결제 완료", TEXT)
    assert await channel.find(notification()) == receipt


async def test_without_a_phone_number_nothing_is_asked(provider: Provided) -> None:
    with pytest.raises(Rejected, match=r"^no phone number$"):
        await provider.alimtalk().send(notification(phone=None))


async def test_templates_may_have_other_codes_at_the_provider(provider: Provided) -> None:
    channel = provider.alimtalk(template_codes={"PAYMENT_COMPLETED": "ours-17"})
    with pytest.raises(Rejected, match=r"^result -3003$"):
        await channel.send(notification())


async def test_another_ones_secret_is_refused(provider: Provided) -> None:
    stranger = provider.alimtalk(Account(appkey="alimtalk-appkey", secret_key="wrong"))
    with pytest.raises(Rejected, match=r"^result -1001$"):
        await stranger.send(notification())
    with pytest.raises(ChannelUnavailable, match=r"^result -1001$"):
        await stranger.find(notification())


async def test_where_nobody_listens_nothing_has_left(provider: Provided) -> None:
    nowhere = provider.alimtalk(url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(NotSent, match=r"^ConnectError$"):
        await nowhere.send(notification())
    with pytest.raises(ChannelUnavailable, match=r"^ConnectError$"):
        await nowhere.find(notification())


async def test_too_many_requests_come_with_the_pause_the_provider_asks_for(provider: Provided) -> None:
    provider.fault(FaultKind.LIMIT, seconds=7.0)
    with pytest.raises(ChannelThrottled) as throttled:
        await provider.alimtalk().send(notification())
    assert throttled.value.retry_after == 7.0
    assert await provider.received() == []


@pytest.mark.parametrize(
    ("kind", "taken", "reason"),
    [
        (FaultKind.DROP_REQUEST, 0, "RemoteProtocolError"),
        (FaultKind.DROP_REPLY, 1, "RemoteProtocolError"),
        (FaultKind.DELAY_REPLY, 1, "ReadTimeout"),
        (FaultKind.ERROR, 0, "HTTP 502"),
        (FaultKind.LIMIT, 0, "HTTP 429"),
    ],
)
async def test_without_an_answer_it_is_not_known_and_the_repeat_makes_it_one(
    provider: Provided, kind: FaultKind, taken: int, reason: str
) -> None:
    channel = provider.alimtalk(read_seconds=0.3)
    provider.fault(kind, seconds=2.0)
    with pytest.raises(ChannelUnavailable, match=f"^{reason}$"):
        await channel.send(notification())
    assert len(await provider.received()) == taken
    assert isinstance(await channel.send(notification()), Receipt)
    assert len(await provider.received()) == 1


@pytest.mark.parametrize("ask", [lambda c: c.send(notification()), lambda c: c.find(notification())], ids=["send", "find"])
async def test_the_total_deadline_holds_whatever_trickles_in(provider: Provided, ask: Callable[[object], Awaitable[object]]) -> None:
    channel = provider.alimtalk(read_seconds=5.0, total_seconds=0.4)
    for operation in Operation:
        provider.fault(FaultKind.DELAY, operation=operation, seconds=3.0)
    started = time.monotonic()
    with pytest.raises(ChannelUnavailable, match=r"^TimeoutError$"):
        await ask(channel)
    assert time.monotonic() - started < 1.5


async def test_neither_log_nor_exception_names_a_person_a_key_or_a_secret(provider: Provided, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    channel = provider.alimtalk(read_seconds=0.3)
    told: list[str] = []
    for fault in (FaultKind.DROP_REPLY, FaultKind.ERROR, FaultKind.REFUSE):
        provider.fault(fault, code=-3003 if fault is FaultKind.REFUSE else None)
        with pytest.raises((ChannelUnavailable, Rejected)) as raised:
            await channel.send(notification(len(told) + 1))
        told += [repr(raised.value), repr(raised.value.__cause__)]
    await channel.send(notification())
    told += [record.getMessage() for record in caplog.records if not record.name.startswith(("uvicorn", "asyncio"))]
    for private in (PHONE, "alimtalk-appkey", "alimtalk-secret", "올림픽홀"):
        assert [line for line in told if private in line] == []
