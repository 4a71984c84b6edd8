"""What NHN Cloud's result codes mean to us: one table for each API. A code that stands in none is an answer not known."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Answer(StrEnum):
    ACCEPTED = "ACCEPTED"
    REPEATED = "REPEATED"
    """The same request was here before; this one was not processed."""
    LATER = "LATER"
    """Not taken for a reason of the provider's own, or not known: ask again."""
    REJECTED = "REJECTED"
    """This message will not be taken, however often it is sent."""
    MISCONFIGURED = "MISCONFIGURED"
    """No message will be taken until a person mends our account or our settings."""


def _table(groups: Mapping[Answer, tuple[int, ...]]) -> Mapping[int, Answer]:
    return MappingProxyType({code: answer for answer, codes in groups.items() for code in codes})


ALIMTALK_CODES = _table(
    {
        Answer.ACCEPTED: (0,),
        Answer.REPEATED: (-1005,),
        # System errors and the vendor's; the rest are Kakao's, passed through.
        Answer.LATER: (-9999, -7000, 2001, 3000, 3006, 3010, 3012, 9998, 9999),
        # Validation; a first-time user's limit; lengths; text, buttons or parameters; a bad recipient.
        Answer.REJECTED: (4, -1028, -2000, -2001, -2002, -2003, -2004, -2005, -2019, -3004, -3010, -3011, -3049, -5000),
        # App key, secret, SMS app key and number, sender, profile, failover, template, content type, API.
        Answer.MISCONFIGURED: (-1000, -1001, -1002, -1003, -1006, -1027, -1030, -2017, -2502, -3003, -3005, -9996, -9997, -9998),
    }
)
ALL_RECIPIENTS_FAILED = -1031
"""The header's way to say: read the recipient's own code."""

SMS_CODES = _table(
    {
        Answer.ACCEPTED: (0,),
        # System error; the queue was not written; the carriers' servers.
        Answer.LATER: (-9999, -2021, 1001, 2007, 3011),
        # Validation; title or text empty or too long; the number; forbidden characters; opted out; spam; the same again.
        Answer.REJECTED: (4, -2014, -2015, -2018, -2019, -2023, -6001, 3003, 3012),
        # Keys, project, address; sender not registered or blocked; the month's quota; rules on sender numbers; API.
        Answer.MISCONFIGURED: (
            *(-1000, -1001, -1002, -1003, -1004, -1007, -1008, -2312, -2313, -2052),
            *(3017, 3018, 3019, -9995, -9996, -9997, -9998),
        ),
    }
)

UNCONFIRMED_DELIVERY = "3005"
"""AlimTalk: it left, and may still arrive within three days. A second message would be one too many."""
MESSAGE_NOT_FOUND = -1016
SENT_ON_BY_DEALER = "RSC04"
NOT_SENT_ON_BY_DEALER = frozenset({"RSC01", "RSC05"})
"""AlimTalk failed, and the dealer's own SMS does not stand in for it: not its business, or failed too."""
