"""Solapi against its look-alike, over real HTTP."""

import re
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest

from adapters.notification.result_codes import Answer
from adapters.notification.solapi_codes import FATES, HANDED_OVER
from application.ports.delivery_reports import Fate, Report
from application.ports.notification_channel import NotSent, Receipt, Rejected
from domain.errors import ChannelThrottled, ChannelUnavailable
from domain.notification import Channel
from entrypoints.simulators.faults import FaultKind, Level, Operation, Provider
from entrypoints.simulators.mailbox import Kind, Mail
from entrypoints.simulators.nhn_provider import Account
from tests.adapters.notification.scene import FACTS, PHONE, SENDER_NUMBER, Provided, notification
from tests.adapters.notification.test_alimtalk import TEXT
from tests.contracts.clocks import FixedClock
from tests.servers.ports import free_port

SMS = notification(channel=Channel.SMS)
SOLAPI = Provider.SOLAPI
UNLISTED = 4242


async def test_the_fan_reads_every_fact_of_the_ticket(provider: Provided) -> None:
    receipt = await provider.solapi().send(notification())
    [mail] = await provider.received()
    assert (mail.kind, mail.phone, mail.text) == ("ALIMTALK", PHONE, TEXT)
    assert (mail.grouping_key, mail.request_id) == (str(notification().id), receipt.reference)


async def test_a_text_message_carries_them_too(provider: Provided) -> None:
    receipt = await provider.solapi(Channel.SMS).send(SMS)
    [mail] = await provider.received()
    assert (mail.kind, mail.title, mail.text) == ("LMS", "[콘서트 예매] 결제 완료", TEXT)
    assert (mail.grouping_key, mail.request_id) == (str(SMS.id), receipt.reference)


async def test_what_a_text_message_cannot_carry_becomes_a_question_mark(provider: Provided) -> None:
    await provider.solapi(Channel.SMS).send(notification(channel=Channel.SMS, facts=FACTS | {"title": "첫눈 ❄ 2030"}))
    [mail] = await provider.received()
    assert "공연: 첫눈 ? 2030\n" in mail.text


async def test_it_knows_no_repeats_so_one_looks_first(provider: Provided) -> None:
    channel = provider.solapi()
    assert await channel.find(notification()) is None
    receipt = await channel.send(notification())
    assert await channel.find(notification()) == receipt
    await channel.send(notification())
    assert len(await provider.received()) == 2


async def test_a_message_is_found_by_its_notification_and_no_other(provider: Provided) -> None:
    channel = provider.solapi()
    await channel.send(notification(2))
    await provider.solapi(Channel.SMS).send(SMS)
    assert await channel.find(notification()) is None


async def test_a_message_is_found_behind_a_page_of_others_and_not_called_unsent_behind_too_many(provider: Provided) -> None:
    channel = provider.solapi()
    receipt = await channel.send(notification())
    await provider.mailbox.accept([_mail(number, provider.clock) for number in range(1, 600)])
    assert await channel.find(notification()) == receipt
    await provider.mailbox.accept([_mail(number, provider.clock) for number in range(600, 2_100)])
    with pytest.raises(ChannelUnavailable, match=r"^too many messages to look through$"):
        await channel.find(notification())


async def test_each_status_a_message_can_be_refused_with_means_what_the_table_says(
    provider: Provided, caplog: pytest.LogCaptureFixture
) -> None:
    channel = provider.solapi()
    refusing = {Answer.LATER: ChannelUnavailable, Answer.REJECTED: Rejected, Answer.MISCONFIGURED: Rejected}
    refused = [(code, refusing[answer]) for code, answer in HANDED_OVER.items() if answer in refusing]
    assert len(refused) == 46
    for code, expected in [*refused, (UNLISTED, ChannelUnavailable)]:
        provider.fault(FaultKind.REFUSE, SOLAPI, code=code, level=Level.RECIPIENT)
        with pytest.raises(expected, match=f"^status {code}$"):
            await channel.send(notification())
    assert await provider.received() == []
    told = {record.__dict__["code"] for record in caplog.records if record.levelname == "ERROR"}
    assert told == {code for code, answer in HANDED_OVER.items() if answer is Answer.MISCONFIGURED}


async def test_each_status_a_message_can_end_with_means_what_the_table_says(provider: Provided) -> None:
    channel = provider.solapi()
    receipt = await channel.send(notification())
    for code, fate in [*FATES.items(), (UNLISTED, Fate.UNDER_WAY)]:
        await provider.mailbox.settle(str(notification().id), delivered=False, result_code=str(code), resend_status="")
        assert await channel.report(notification(), receipt.reference) == Report(fate=fate, note=str(code))
        if fate is Fate.NOT_DELIVERED:
            with pytest.raises(Rejected, match=f"^delivery {code}$"):
                await channel.find(notification())
        else:
            assert await channel.find(notification()) == receipt


@pytest.mark.parametrize("code", ["", "ABC", "٤٠٠٠"])
async def test_a_status_nobody_knows_is_no_end(provider: Provided, code: str) -> None:
    channel = provider.solapi()
    receipt = await channel.send(notification())
    await provider.mailbox.settle(str(notification().id), delivered=False, result_code=code, resend_status="")
    assert (await channel.report(notification(), receipt.reference)).fate is Fate.UNDER_WAY


@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, Rejected), (404, Rejected), (401, Rejected), (402, Rejected), (403, Rejected)]
    + [(code, ChannelUnavailable) for code in (408, 409, 500, 502, 503, 504)],
)
async def test_a_refused_request_is_judged_by_its_http_status(provider: Provided, status: int, expected: type[Exception]) -> None:
    provider.fault(FaultKind.REFUSE, SOLAPI, code=status)
    with pytest.raises(expected, match=f"^HTTP {status}"):
        await provider.solapi().send(notification())
    assert await provider.received() == []


async def test_a_page_from_what_stands_in_between_is_no_refusal(provider: Provided) -> None:
    provider.fault(FaultKind.ERROR, SOLAPI, code=403)
    with pytest.raises(ChannelUnavailable, match=r"^HTTP 403$"):
        await provider.solapi().send(notification())


@pytest.mark.parametrize("status", [400, 403, 404, 500])
async def test_a_look_up_that_is_refused_says_nothing(provider: Provided, status: int) -> None:
    channel = provider.solapi()
    for ask in (channel.find(notification()), channel.report(notification(), "M4V-1")):
        provider.fault(FaultKind.REFUSE, SOLAPI, Operation.FIND, code=status)
        with pytest.raises(ChannelUnavailable):
            await ask


async def test_asking_too_often_says_for_how_long(provider: Provided) -> None:
    provider.fault(FaultKind.LIMIT, SOLAPI, seconds=7)
    with pytest.raises(ChannelThrottled) as throttled:
        await provider.solapi().send(notification())
    assert throttled.value.retry_after == 7.0
    assert await provider.received() == []


@pytest.mark.parametrize(
    ("kind", "taken", "reason"),
    [
        (FaultKind.DROP_REQUEST, 0, "RemoteProtocolError"),
        (FaultKind.DROP_REPLY, 1, "RemoteProtocolError"),
        (FaultKind.DELAY_REPLY, 1, "ReadTimeout"),
        (FaultKind.ERROR, 0, "HTTP 502"),
    ],
)
async def test_without_an_answer_it_is_not_known_and_a_look_tells(provider: Provided, kind: FaultKind, taken: int, reason: str) -> None:
    channel = provider.solapi(read_seconds=0.3)
    provider.fault(kind, SOLAPI, seconds=2.0)
    with pytest.raises(ChannelUnavailable, match=f"^{reason}$"):
        await channel.send(notification())
    assert len(await provider.received()) == taken
    assert isinstance(await channel.find(notification()), Receipt) is bool(taken)


async def test_where_nobody_listens_nothing_has_left(provider: Provided) -> None:
    nowhere = provider.solapi(url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(NotSent, match=r"^ConnectError$"):
        await nowhere.send(notification())
    with pytest.raises(ChannelUnavailable, match=r"^ConnectError$"):
        await nowhere.find(notification())


@pytest.mark.parametrize("ask", [lambda c: c.send(notification()), lambda c: c.find(notification())], ids=["send", "find"])
async def test_the_total_deadline_holds_whatever_trickles_in(provider: Provided, ask: Callable[[object], Awaitable[object]]) -> None:
    channel = provider.solapi(read_seconds=5.0, total_seconds=0.4)
    for operation in Operation:
        provider.fault(FaultKind.DELAY, SOLAPI, operation, seconds=3.0)
    started = time.monotonic()
    with pytest.raises(ChannelUnavailable, match=r"^TimeoutError$"):
        await ask(channel)
    assert time.monotonic() - started < 1.5


async def test_the_dealer_sends_on_only_where_it_is_asked_to_and_then_we_never_do(provider: Provided) -> None:
    ours, dealers = provider.solapi(), provider.solapi(dealer_sends_on=True)
    for _ in range(2):
        provider.fault(FaultKind.UNDELIVERED, SOLAPI, code=3104, resend_status="RSC04")
    receipt = await ours.send(notification(1))
    assert await provider.received() == []
    assert await ours.report(notification(1), receipt.reference) == Report(fate=Fate.NOT_DELIVERED, note="3104")
    receipt = await dealers.send(notification(2))
    assert [(mail.kind, mail.title, mail.text) for mail in await provider.received()] == [("LMS", "[콘서트 예매] 결제 완료", TEXT)]
    assert await dealers.report(notification(2), receipt.reference) == Report(fate=Fate.DELIVERED_BY_DEALER, note="4000 replaced")
    provider.fault(FaultKind.UNDELIVERED, SOLAPI, code=3104)
    receipt = await dealers.send(notification(3))
    assert await dealers.report(notification(3), receipt.reference) == Report(fate=Fate.UNDER_WAY, note="3104"), "it may be on its way"
    assert await dealers.find(notification(3)) == receipt


async def test_what_has_no_result_yet_is_under_way(provider: Provided) -> None:
    channel = provider.solapi()
    provider.fault(FaultKind.PENDING, SOLAPI)
    receipt = await channel.send(notification())
    assert await channel.report(notification(), receipt.reference) == Report(fate=Fate.UNDER_WAY, note="3000")
    assert await channel.report(notification(), "M4V-unknown") == Report(fate=Fate.UNDER_WAY, note="not found")


async def test_without_a_phone_number_nothing_is_asked(provider: Provided) -> None:
    with pytest.raises(Rejected, match=r"^no phone number$"):
        await provider.solapi().send(notification(phone=None))


async def test_templates_have_ids_of_their_own(provider: Provided) -> None:
    with pytest.raises(Rejected, match=r"^status 1042$"):
        await provider.solapi(template_codes={"PAYMENT_COMPLETED": "KA01TP"}).send(notification())


@pytest.mark.parametrize(("key", "secret"), [("solapi-key", "wrong"), ("wrong", "solapi-secret")])
async def test_another_ones_signature_is_refused(provider: Provided, key: str, secret: str) -> None:
    stranger = provider.solapi(account=Account(appkey=key, secret_key=secret))
    with pytest.raises(Rejected, match=r"^HTTP 403 (SignatureDoesNotMatch|InvalidAPIKey)$"):
        await stranger.send(notification())
    with pytest.raises(ChannelUnavailable):
        await stranger.find(notification())
    assert await provider.received() == []


async def test_a_clock_that_is_off_is_refused(provider: Provided) -> None:
    late = FixedClock(provider.clock.now() - timedelta(minutes=16))
    with pytest.raises(Rejected, match=r"^HTTP 403 RequestTimeTooSkewed$"):
        await provider.solapi(clock=late).send(notification())


async def test_each_request_is_signed_anew_and_a_copy_of_one_is_worth_nothing(provider: Provided) -> None:
    seen: list[str] = []
    channel = provider.solapi()

    async def listen(request: httpx.Request) -> None:
        seen.append(request.headers["Authorization"])

    channel._client._http.event_hooks["request"].append(listen)
    for _ in range(3):
        await channel.find(notification())
    form = re.compile(r"HMAC-SHA256 apiKey=solapi-key, date=2030-05-01T20:00:00Z, salt=[0-9a-f]{32}, signature=[0-9a-f]{64}")
    assert len(set(seen)) == 3 and all(form.fullmatch(header) for header in seen)
    async with httpx.AsyncClient(base_url=provider.url, trust_env=False) as thief:
        copied = await thief.get("/messages/v4/list", headers={"Authorization": seen[0]})
    assert (copied.status_code, copied.json()["errorCode"]) == (403, "DuplicatedSignature")


async def test_neither_log_nor_exception_names_a_person_or_a_secret(provider: Provided, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    channel = provider.solapi(read_seconds=0.3)
    told: list[str] = []
    for fault, code in ((FaultKind.DROP_REPLY, None), (FaultKind.ERROR, None), (FaultKind.REFUSE, 403)):
        provider.fault(fault, SOLAPI, code=code)
        with pytest.raises((ChannelUnavailable, Rejected)) as raised:
            await channel.send(notification(len(told) + 1))
        told += [repr(raised.value), repr(raised.value.__cause__)]
    await channel.find(notification())
    told += [record.getMessage() for record in caplog.records if not record.name.startswith(("uvicorn", "asyncio"))]
    for private in (PHONE, "solapi-secret", "올림픽홀", SENDER_NUMBER):
        assert [line for line in told if private in line] == []


def _mail(number: int, clock: FixedClock) -> Mail:
    return Mail(
        kind=Kind.LMS,
        request_id=f"M4V-{number}",
        recipient_seq=1,
        phone=PHONE,
        title="",
        text="",
        template="",
        grouping_key=str(number),
        delivered=True,
        result_code="4000",
        resend_status="",
        created_at=clock.now(),
    )
