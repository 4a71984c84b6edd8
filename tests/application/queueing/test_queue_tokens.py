from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from application.queueing.queue_tokens import LONGEST, QueueTokens
from domain.errors import QueueTokenInvalid, QueueTokenProblem
from domain.ids import ConcertId, UserId
from domain.queue_token import HIGHEST_EPOCH, ONLY_LANE, ORDERS_PER_EPOCH, QueueToken, place_of

TOKENS = QueueTokens({"one": b"1" * 32})
TOKEN = QueueToken(
    concert_id=ConcertId(UUID(int=1)),
    user_id=UserId(UUID(int=2)),
    lane=ONLY_LANE,
    place=place_of(HIGHEST_EPOCH, ORDERS_PER_EPOCH - 1),
    entered_at=datetime(2026, 5, 1, 12, 30, 15, 123456, tzinfo=UTC),
)


def problem(value: str, tokens: QueueTokens = TOKENS) -> QueueTokenProblem:
    with pytest.raises(QueueTokenInvalid) as refused:
        tokens.read(value)
    assert tokens.examine(value) is refused.value.reason
    return refused.value.reason


def changed(value: str, position: int) -> str:
    raw = bytearray(urlsafe_b64decode(value + "=" * (-len(value) % 4)))
    raw[position] ^= 1
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_what_was_signed_is_read_again() -> None:
    assert TOKENS.read(TOKENS.sign(TOKEN)) == TOKEN
    assert TOKENS.examine(TOKENS.sign(TOKEN)) == TOKEN


def test_a_retired_key_still_verifies_and_the_first_one_signs() -> None:
    rotated = QueueTokens({"two": b"2" * 32, "one": b"1" * 32})
    assert rotated.read(TOKENS.sign(TOKEN)) == TOKEN
    assert rotated.sign(TOKEN) != TOKENS.sign(TOKEN)
    assert problem(rotated.sign(TOKEN)) is QueueTokenProblem.FORGED
    assert problem(TOKENS.sign(TOKEN), QueueTokens({"two": b"2" * 32})) is QueueTokenProblem.FORGED


@pytest.mark.parametrize("position", [10, 30, 50, 62, 66, -33, -1])
def test_any_claim_and_any_byte_of_the_signature_is_protected(position: int) -> None:
    assert problem(changed(TOKENS.sign(TOKEN), position)) is QueueTokenProblem.FORGED


def test_another_key_under_the_same_name_is_a_forger_s() -> None:
    assert problem(QueueTokens({"one": b"x" * 32}).sign(TOKEN)) is QueueTokenProblem.FORGED


@pytest.mark.parametrize("value", ["", "x", "대기열", "a" * (LONGEST + 1), "!" * 100, "A" * 154, "AA"])
def test_what_is_no_token_is_malformed(value: str) -> None:
    assert problem(value) is QueueTokenProblem.MALFORMED


def test_a_cut_or_prolonged_signature_is_malformed() -> None:
    value = TOKENS.sign(TOKEN)
    assert problem(value[:-4]) is QueueTokenProblem.MALFORMED
    assert problem(value + "AAAA") is QueueTokenProblem.MALFORMED


def test_an_unknown_version_is_malformed() -> None:
    assert problem(changed(TOKENS.sign(TOKEN), 0)) is QueueTokenProblem.MALFORMED


@pytest.mark.parametrize("keys", [{}, {"": b"1"}, {"ninebytes": b"1"}])
def test_keys_without_a_usable_name_are_refused(keys: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="1 to 8 bytes"):
        QueueTokens(keys)


def test_a_lane_that_would_be_cut_is_not_signed() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        TOKENS.sign(replace(TOKEN, lane="a-very-long-lane-name"))
