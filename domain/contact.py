"""Where AlimTalk and SMS reach a person."""

import re
from dataclasses import dataclass

from domain.errors import ConcertError
from domain.ids import UserId

_KOREAN_MOBILE = re.compile(r"^01[016789][0-9]{7,8}$")


class NotAPhoneNumber(ConcertError):
    """The text is no Korean mobile number. The number itself is not repeated: it is personal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """``chosen``: the person set it here; else it was copied from their access token and follows that."""

    user_id: UserId
    phone: str
    chosen: bool


def phone_number(text: str) -> str:
    """Digits only, as the providers want them: ``+82 10-1234-5678`` and ``010-1234-5678`` are 01012345678."""
    digits = re.sub(r"[\s().-]", "", text)
    if digits.startswith("+82"):
        digits = "0" + digits[3:].removeprefix("0")
    if not _KOREAN_MOBILE.match(digits):
        raise NotAPhoneNumber
    return digits
