"""Every code that the tables list, as the channels meet it over HTTP, and one that stands in none."""

import pytest

from adapters.notification.result_codes import ALIMTALK_CODES, ALL_RECIPIENTS_FAILED, SMS_CODES, Answer
from application.ports.notification_channel import Rejected
from domain.errors import ChannelUnavailable
from domain.notification import Channel
from entrypoints.simulators.faults import FaultKind, Level, Provider
from tests.adapters.notification.scene import Provided, notification

UNLISTED = -4242
REFUSING = {Answer.LATER: ChannelUnavailable, Answer.REJECTED: Rejected, Answer.MISCONFIGURED: Rejected}


def refused(codes: dict[int, Answer]) -> list[tuple[int, type[Exception]]]:
    return [(code, REFUSING[answer]) for code, answer in sorted(codes.items()) if answer in REFUSING] + [(UNLISTED, ChannelUnavailable)]


@pytest.mark.parametrize("level", list(Level))
async def test_each_code_of_alimtalk_means_what_its_table_says(provider: Provided, level: Level) -> None:
    channel = provider.alimtalk()
    for code, expected in refused(dict(ALIMTALK_CODES)):
        provider.fault(FaultKind.REFUSE, code=code, level=level)
        with pytest.raises(expected, match=f"^result {code}$"):
            await channel.send(notification())
    assert await provider.received() == []


@pytest.mark.parametrize("level", list(Level))
async def test_each_code_of_sms_means_what_its_table_says(provider: Provided, level: Level) -> None:
    channel = provider.sms()
    for code, expected in refused(dict(SMS_CODES)):
        provider.fault(FaultKind.REFUSE, Provider.SMS, code=code, level=level)
        with pytest.raises(expected, match=f"^result {code}$"):
            await channel.send(notification(channel=Channel.SMS))
    assert await provider.received() == []


def test_no_code_says_both_that_a_message_was_taken_and_that_it_was_not() -> None:
    assert [code for code, answer in ALIMTALK_CODES.items() if answer is Answer.ACCEPTED] == [0]
    assert [code for code, answer in ALIMTALK_CODES.items() if answer is Answer.REPEATED] == [-1005]
    assert [code for code, answer in SMS_CODES.items() if answer is Answer.ACCEPTED] == [0]
    assert ALL_RECIPIENTS_FAILED not in ALIMTALK_CODES


async def test_a_mistake_in_our_account_is_told_to_the_operators(provider: Provided, caplog: pytest.LogCaptureFixture) -> None:
    provider.fault(FaultKind.REFUSE, code=-1001)
    with pytest.raises(Rejected):
        await provider.alimtalk().send(notification())
    assert [(record.levelname, record.__dict__["code"]) for record in caplog.records] == [("ERROR", -1001)]
