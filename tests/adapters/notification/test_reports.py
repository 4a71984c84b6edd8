"""What NHN Cloud says became of a message, over real HTTP."""

import httpx
import pytest

from application.ports.delivery_reports import Fate, Report
from domain.errors import ChannelUnavailable
from domain.notification import Channel
from entrypoints.simulators.faults import FaultKind, Operation, Provider
from tests.adapters.notification.scene import PHONE, SENDER_NUMBER, Provided, notification

SMS = notification(channel=Channel.SMS)


async def settle(provider: Provided, **result: object) -> int:
    async with httpx.AsyncClient(base_url=provider.url, trust_env=False) as operator:
        answer = await operator.post("/simulator/results", json={"grouping_key": str(notification().id)} | result)
        settled: int = answer.json()["settled"]
        return settled


async def test_what_was_delivered_is_said_to_be(provider: Provided) -> None:
    channel = provider.alimtalk()
    receipt = await channel.send(notification())
    assert await channel.report(notification(), receipt.reference) == Report(fate=Fate.DELIVERED, note="COMPLETED 1000 RSC01")


@pytest.mark.parametrize(
    ("resend_status", "code", "fate"),
    [
        ("RSC01", 3019, Fate.NOT_DELIVERED),
        ("RSC05", 3020, Fate.NOT_DELIVERED),
        ("RSC02", 3019, Fate.UNDER_WAY),
        ("RSC03", 3019, Fate.UNDER_WAY),
        ("RSC04", 3019, Fate.DELIVERED_BY_DEALER),
        ("RSC99", 3019, Fate.UNDER_WAY),
        ("RSC01", 3005, Fate.DOUBTFUL),
        ("RSC05", 3005, Fate.DOUBTFUL),
        ("RSC04", 3005, Fate.DELIVERED_BY_DEALER),
    ],
)
async def test_a_failure_counts_by_what_the_dealer_did_about_it(provider: Provided, resend_status: str, code: int, fate: Fate) -> None:
    channel = provider.alimtalk(failover_sender=SENDER_NUMBER)
    provider.fault(FaultKind.UNDELIVERED, code=code, resend_status=resend_status)
    receipt = await channel.send(notification())
    assert await channel.report(notification(), receipt.reference) == Report(fate=fate, note=f"FAILED {code} {resend_status}")


async def test_a_result_that_comes_late_is_heard_of_when_it_is_there(provider: Provided) -> None:
    channel = provider.alimtalk()
    provider.fault(FaultKind.PENDING)
    receipt = await channel.send(notification())
    assert (await channel.report(notification(), receipt.reference)).fate is Fate.UNDER_WAY
    assert await provider.received() == []
    assert await settle(provider, delivered=False, result_code="3019", resend_status="RSC02") == 1
    assert (await channel.report(notification(), receipt.reference)).fate is Fate.UNDER_WAY
    await settle(provider, delivered=False, result_code="3019", resend_status="RSC04")
    assert (await channel.report(notification(), receipt.reference)).fate is Fate.DELIVERED_BY_DEALER
    assert [mail.kind for mail in await provider.received(PHONE)] == ["LMS"]


async def test_a_completed_one_that_kakao_does_not_confirm_is_doubtful(provider: Provided) -> None:
    channel = provider.alimtalk()
    receipt = await channel.send(notification())
    await settle(provider, delivered=True, result_code="3005")
    assert (await channel.report(notification(), receipt.reference)).fate is Fate.DOUBTFUL


@pytest.mark.parametrize("reference", ["", "20300501-unknown"])
async def test_one_that_cannot_be_shown_is_no_failure(provider: Provided, reference: str) -> None:
    provider.fault(FaultKind.REFUSE, operation=Operation.FIND, code=-1016)
    for _ in range(2):
        assert (await provider.alimtalk().report(notification(), reference or "none")).fate is Fate.UNDER_WAY
    assert (await provider.sms().report(SMS, reference or "none")).fate is Fate.UNDER_WAY


async def test_a_text_message_is_delivered_or_not_or_under_way(provider: Provided) -> None:
    channel = provider.sms()
    for kind, report in (
        (FaultKind.DELAY_REPLY, Report(fate=Fate.DELIVERED, note="3 1000")),
        (FaultKind.UNDELIVERED, Report(fate=Fate.NOT_DELIVERED, note="0 3003")),
        (FaultKind.PENDING, Report(fate=Fate.UNDER_WAY, note="2 ")),
    ):
        provider.fault(kind, Provider.SMS, seconds=0.0)
        receipt = await channel.send(SMS)
        assert await channel.report(SMS, receipt.reference) == report


@pytest.mark.parametrize("fault", [FaultKind.ERROR, FaultKind.LIMIT, FaultKind.DROP_REPLY, FaultKind.REFUSE])
@pytest.mark.parametrize("failing", [Provider.ALIMTALK, Provider.SMS])
async def test_without_an_answer_nothing_is_known(provider: Provided, failing: Provider, fault: FaultKind) -> None:
    channel = provider.alimtalk() if failing is Provider.ALIMTALK else provider.sms()
    provider.fault(fault, failing, Operation.FIND)
    with pytest.raises(ChannelUnavailable):
        await channel.report(notification() if failing is Provider.ALIMTALK else SMS, "r")


async def test_another_site_s_page_sets_no_result_and_nonsense_none_either(provider: Provided) -> None:
    async with httpx.AsyncClient(base_url=provider.url, trust_env=False) as stranger:
        simple = {"content-type": "text/plain"}
        assert (await stranger.post("/simulator/results", content="{}", headers=simple)).status_code == 415
        given: list[object] = [{}, [], 7, {"grouping_key": "k"}]
        for nonsense in given:
            assert (await stranger.post("/simulator/results", json=nonsense)).status_code == 400
