"""The look-alike itself: what a person sees, what survives a kill, and what strangers may not do."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from adapters.notification.alimtalk import AlimtalkChannel
from adapters.notification.nhn_client import NhnClient
from domain.errors import ChannelUnavailable
from domain.notification import Channel
from entrypoints.simulators.faults import Fault, FaultKind, Provider
from entrypoints.simulators.mailbox import Search, read_mailbox
from entrypoints.simulators.nhn import create_app
from tests.adapters.notification.scene import ALIMTALK_ACCOUNT, FACTS, PHONE, SMS_ACCOUNT, Provided, answered, notification, provided
from tests.contracts.clocks import FixedClock
from tests.fakes.served import served
from tests.servers.ports import free_port

PROCESS = """
import sys, uvicorn
from pathlib import Path
from entrypoints.simulators.nhn import create_app
from tests.adapters.notification.scene import ALIMTALK_ACCOUNT, SMS_ACCOUNT
from tests.contracts.clocks import FixedClock
app = create_app(Path(sys.argv[1]), alimtalk=ALIMTALK_ACCOUNT, sms=SMS_ACCOUNT, now=FixedClock().now)
uvicorn.run(app, port=int(sys.argv[2]), log_level="critical")
"""


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[Provided]:
    async with provided(tmp_path, FixedClock()) as provider:
        yield provider


@pytest.fixture
async def browser(provider: Provided) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=provider.url, trust_env=False) as browser:
        yield browser


async def test_a_person_can_look_at_what_was_sent(provider: Provided, browser: httpx.AsyncClient) -> None:
    assert "Nothing was sent yet" in (await browser.get("/mailbox")).text
    await provider.alimtalk().send(notification(1, facts=FACTS | {"title": "<script>alert('눈')</script>"}))
    await provider.sms().send(notification(2, Channel.SMS))
    page = await browser.get("/mailbox")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert '<html lang="en">' in page.text and '<pre lang="ko">' in page.text
    assert "2 messages, newest first" in page.text
    assert page.text.index("LMS to 01012345678") < page.text.index("ALIMTALK to 01012345678")
    assert "공연: &lt;script&gt;alert(&#x27;눈&#x27;)&lt;/script&gt;" in page.text
    assert "<script" not in page.text
    assert '<time datetime="2030-05-02T05:00:00+09:00">2030-05-02 05:00:00 KST</time>' in page.text


async def test_a_program_reads_one_fans_mails(provider: Provided, browser: httpx.AsyncClient) -> None:
    await provider.alimtalk().send(notification(1))
    await provider.alimtalk().send(notification(2, phone="01099999999"))
    mails = (await browser.get("/mailbox.json", params={"phone": PHONE})).json()["mails"]
    assert [(mail["kind"], mail["phone"], mail["grouping_key"], mail["delivered"]) for mail in mails] == [
        ("ALIMTALK", PHONE, str(notification(1).id), True)
    ]
    assert len((await browser.get("/mailbox.json", params={"limit": "1"})).json()["mails"]) == 1
    for limit in ("0", "1001", "ten"):
        assert (await browser.get("/mailbox.json", params={"limit": limit})).status_code == 400


async def test_faults_are_set_shown_used_up_and_taken_away_over_http(provider: Provided, browser: httpx.AsyncClient) -> None:
    given = [
        {"kind": "error", "provider": "alimtalk", "times": 2},
        {"kind": "drop-reply", "provider": "sms", "times": None},
    ]
    assert (await browser.post("/simulator/faults", json=given)).status_code == 200
    send = f"/alimtalk/v2.3/appkeys/{ALIMTALK_ACCOUNT.appkey}/messages"
    assert [(await browser.post(send, json={})).status_code for _ in range(3)] == [502, 502, 200]
    left = (await browser.get("/simulator/faults")).json()["faults"]
    assert [(fault["kind"], fault["provider"], fault["operation"], fault["times"]) for fault in left] == [
        ("drop-reply", "sms", "send", None)
    ]
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError, match="Server disconnected without sending a response"):
            await browser.post(f"/sms/v3.0/appKeys/{SMS_ACCOUNT.appkey}/sender/sms", json={})
    assert (await browser.delete("/simulator/faults")).json() == {"faults": []}
    assert (await browser.post(f"/sms/v3.0/appKeys/{SMS_ACCOUNT.appkey}/sender/sms", json={})).status_code == 200


@pytest.mark.parametrize(
    "given", [{"kind": "meteor", "provider": "sms"}, {"kind": "error"}, {"kind": "error", "provider": "sms", "x": 1}, 7]
)
async def test_a_fault_that_does_not_exist_is_refused(browser: httpx.AsyncClient, given: object) -> None:
    assert (await browser.post("/simulator/faults", json=given)).status_code == 400
    assert (await browser.get("/simulator/faults")).json() == {"faults": []}


async def test_a_page_of_another_site_cannot_set_faults(browser: httpx.AsyncClient) -> None:
    simple = {"content-type": "text/plain"}
    posted = await browser.post("/simulator/faults", content='{"kind": "error", "provider": "sms"}', headers=simple)
    assert posted.status_code == 415
    assert (await browser.get("/simulator/faults")).json() == {"faults": []}


async def test_a_single_message_is_got_by_its_request(provider: Provided, browser: httpx.AsyncClient) -> None:
    receipt = await provider.alimtalk().send(notification())
    path = f"/alimtalk/v2.3/appkeys/{ALIMTALK_ACCOUNT.appkey}/messages/{receipt.reference}"
    headers = {"X-Secret-Key": ALIMTALK_ACCOUNT.secret_key}
    got = (await browser.get(f"{path}/1", headers=headers)).json()["message"]
    assert (got["recipientNo"], got["messageStatus"], got["resultCode"]) == (PHONE, "COMPLETED", "1000")
    assert (await browser.get(f"{path}/2", headers=headers)).json()["message"] is None
    assert (await browser.get(f"{path}/1")).json()["header"]["resultCode"] == -1001


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"sendNo": "1", "recipientList": [{"recipientNo": PHONE}], "body": "안녕 ❄"}, -2023),
        ({"sendNo": "1", "recipientList": [{"recipientNo": PHONE}], "body": ""}, -2014),
        ({"sendNo": "1", "recipientList": [{"recipientNo": PHONE}], "body": "가" * 256}, -2015),
        ({"sendNo": "", "recipientList": [{"recipientNo": PHONE}], "body": "안녕"}, -2312),
        ({"sendNo": "1", "recipientList": [], "body": "안녕"}, 4),
        ([], -9997),
    ],
)
async def test_what_the_provider_would_not_send_is_not_sent(
    provider: Provided, browser: httpx.AsyncClient, body: object, code: int
) -> None:
    path = f"/sms/v3.0/appKeys/{SMS_ACCOUNT.appkey}/sender/sms"
    answer = await browser.post(path, json=body, headers={"X-Secret-Key": SMS_ACCOUNT.secret_key})
    assert (answer.status_code, answer.json()["header"]["resultCode"], answer.json()["header"]["isSuccessful"]) == (200, code, False)
    assert await provider.received() == []


async def test_it_is_mounted_beside_an_api_under_one_port(tmp_path: Path) -> None:
    simulator = create_app(tmp_path / "mailbox.db", alimtalk=ALIMTALK_ACCOUNT, sms=SMS_ACCOUNT, now=FixedClock().now)
    async with served(Starlette(routes=[Mount("/simulator/nhn", simulator)])) as url:
        client = NhnClient(f"{url}/simulator/nhn", ALIMTALK_ACCOUNT.secret_key)
        channel = AlimtalkChannel(client, ALIMTALK_ACCOUNT.appkey, "sender-key")
        try:
            receipt = await channel.send(notification())
            assert await channel.find(notification()) == receipt
            assert "ALIMTALK to 01012345678" in (await answered(f"{url}/simulator/nhn/mailbox")).text
            simulator.state.faults.add(Fault(kind=FaultKind.DROP_REQUEST, provider=Provider.ALIMTALK))
            with pytest.raises(ChannelUnavailable, match=r"^RemoteProtocolError$"):
                await channel.send(notification())
        finally:
            await client.close()
            await simulator.state.mailbox.close()


@asynccontextmanager
async def simulating(mailbox: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROCESS, str(mailbox), str(port))
    try:
        async with asyncio.timeout(20), httpx.AsyncClient(trust_env=False) as browser:
            while True:
                try:
                    await browser.get(f"http://127.0.0.1:{port}/mailbox.json")
                    break
                except httpx.ConnectError:
                    await asyncio.sleep(0.05)
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def test_what_was_taken_survives_a_kill_and_is_still_known_for_a_repeat(tmp_path: Path, provider: Provided) -> None:
    mailbox, port = tmp_path / "of-a-process.db", free_port()
    channel = provider.alimtalk(url=f"http://127.0.0.1:{port}")
    async with simulating(mailbox, port) as process:
        receipt = await channel.send(notification())
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    assert [mail.request_id for mail in read_mailbox(mailbox)] == [receipt.reference]
    async with simulating(mailbox, port):
        assert await channel.send(notification()) == receipt
    assert len(read_mailbox(mailbox)) == 1


async def test_a_mailbox_nobody_wrote_to_is_empty(tmp_path: Path) -> None:
    assert read_mailbox(tmp_path / "none.db") == ()
    assert not (tmp_path / "none.db").exists()


async def test_the_mailbox_is_read_beside_whoever_writes(provider: Provided, tmp_path: Path) -> None:
    await provider.alimtalk().send(notification(1))
    await provider.alimtalk().send(notification(2, phone="01099999999"))
    assert [mail.phone for mail in read_mailbox(tmp_path / "mailbox.db")] == ["01099999999", PHONE]
    assert [mail.phone for mail in read_mailbox(tmp_path / "mailbox.db", phone=PHONE)] == [PHONE]
    assert list(await provider.mailbox.search(Search())) == list(read_mailbox(tmp_path / "mailbox.db"))
