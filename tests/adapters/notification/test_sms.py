"""SMS against the look-alike, over real HTTP."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from adapters.notification.euc_kr import fitting
from adapters.notification.nhn_client import NhnClient
from adapters.notification.sms import SmsChannel
from application.ports.notification_channel import NotSent, Rejected
from domain.errors import ChannelUnavailable
from domain.notification import Channel
from entrypoints.simulators.faults import FaultKind, Provider
from tests.adapters.notification.scene import FACTS, PHONE, SENDER_NUMBER, Provided, notification
from tests.adapters.notification.test_alimtalk import TEXT
from tests.fakes.served import served
from tests.servers.ports import free_port

SMS = notification(channel=Channel.SMS)


async def test_the_fan_reads_every_fact_of_the_ticket_in_a_long_message(provider: Provided) -> None:
    receipt = await provider.sms().send(SMS)
    [mail] = await provider.received()
    assert (mail.kind, mail.phone, mail.title, mail.text) == ("LMS", PHONE, "[콘서트 예매] 결제 완료", TEXT)
    assert (mail.grouping_key, mail.request_id) == (str(SMS.id), receipt.reference)


async def test_what_a_text_message_cannot_carry_becomes_a_question_mark(provider: Provided) -> None:
    await provider.sms().send(notification(channel=Channel.SMS, facts=FACTS | {"title": "첫눈 ❄ 2030"}))
    [mail] = await provider.received()
    assert "공연: 첫눈 ? 2030\n" in mail.text


async def test_a_text_too_long_is_cut_and_still_arrives(provider: Provided) -> None:
    await provider.sms().send(notification(channel=Channel.SMS, facts=FACTS | {"seats": "가" * 3000}))
    [mail] = await provider.received()
    assert len(mail.text.encode("euc_kr")) in (1999, 2000)


def test_cutting_leaves_whole_characters() -> None:
    assert fitting("가나다", 5) == "가나"
    assert fitting("a가나", 4) == "a가"


async def test_the_provider_knows_no_repeats_so_one_looks_first(provider: Provided) -> None:
    channel = provider.sms()
    assert await channel.find(SMS) is None
    receipt = await channel.send(SMS)
    assert await channel.find(SMS) == receipt
    await channel.send(SMS)
    assert len(await provider.received()) == 2


async def test_a_failed_delivery_is_a_refusal(provider: Provided) -> None:
    channel = provider.sms()
    provider.fault(FaultKind.UNDELIVERED, Provider.SMS, code=3003)
    await channel.send(SMS)
    with pytest.raises(Rejected, match=r"^delivery 3003$"):
        await channel.find(SMS)


async def test_where_nobody_listens_nothing_has_left(provider: Provided) -> None:
    with pytest.raises(NotSent, match=r"^ConnectError$"):
        await provider.sms(url=f"http://127.0.0.1:{free_port()}").send(SMS)


@pytest.mark.parametrize(("kind", "taken"), [(FaultKind.DROP_REQUEST, 0), (FaultKind.DROP_REPLY, 1), (FaultKind.ERROR, 0)])
async def test_without_an_answer_it_is_not_known(provider: Provided, kind: FaultKind, taken: int) -> None:
    provider.fault(kind, Provider.SMS)
    with pytest.raises(ChannelUnavailable):
        await provider.sms().send(SMS)
    assert len(await provider.received()) == taken


async def test_without_a_phone_number_nothing_is_asked(provider: Provided) -> None:
    with pytest.raises(Rejected, match=r"^no phone number$"):
        await provider.sms().send(notification(channel=Channel.SMS, phone=None))


@pytest.mark.parametrize(
    ("reply", "readable"),
    [({}, False), ({"body": {}}, False), ({"body": None}, True), ({"body": {"data": None}}, True), ({"body": {"data": []}}, True)],
)
async def test_only_a_reply_that_can_be_read_says_that_there_is_no_message(reply: dict[str, object], readable: bool) -> None:
    async def search(_: Request) -> JSONResponse:
        return JSONResponse({"header": {"resultCode": 0}} | reply)

    async with served(Starlette(routes=[Route("/{path:path}", search)])) as url:
        client = NhnClient(url, "secret")
        channel = SmsChannel(client, "appkey", SENDER_NUMBER)
        if readable:
            assert await channel.find(SMS) is None
        else:
            with pytest.raises(ChannelUnavailable, match=r"^a search result that cannot be read$"):
                await channel.find(SMS)
        await client.close()
