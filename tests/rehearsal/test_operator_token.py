"""Whose token the rehearsal shows: the one given, the environment's, or one of this machine's own."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from entrypoints.auth import AccessTokenInvalid, AccessTokens
from entrypoints.rehearsal.operator_token import NoOperatorToken, operator_token
from entrypoints.settings import read_settings


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def test_the_one_given_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCERT_OPERATOR_TOKEN", "from the environment")
    assert operator_token("given") == "given"
    assert operator_token(None) == "from the environment"


async def test_one_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CONCERT_OPERATOR_TOKEN", raising=False)
    monkeypatch.setenv("CONCERT_DATA_DIR", str(tmp_path))
    token = operator_token(None)
    person = await AccessTokens(WallClock(), secret=read_settings().access_tokens.secret).verify(token)
    assert person.roles == {"operator"}
    with pytest.raises(AccessTokenInvalid):
        await AccessTokens(WallClock(), secret=b"another server's secret, as long as it has to be").verify(token)


def test_none_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONCERT_OPERATOR_TOKEN", raising=False)
    monkeypatch.setenv("CONCERT_PROFILE", "production")
    with pytest.raises(NoOperatorToken, match="CONCERT_"):
        operator_token(None)
