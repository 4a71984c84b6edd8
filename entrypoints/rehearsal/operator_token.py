"""The right to put a concert on sale."""

import os
from datetime import UTC, datetime

from entrypoints.auth import AccessTokenInvalid, AccessTokens
from entrypoints.settings import SettingsError, read_settings

VARIABLE = "CONCERT_OPERATOR_TOKEN"


class NoOperatorToken(Exception):
    """None was given, and there is no secret at hand to sign one with."""


class _WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def operator_token(given: str | None) -> str:
    """The one given, else the environment's, else one signed with the secret of this machine's own settings (as
    `concert token --role operator` does), which is right for the server that runs beside us. Raises NoOperatorToken."""
    if token := given or os.environ.get(VARIABLE):
        return token
    try:
        settings = read_settings().access_tokens
        tokens = AccessTokens(_WallClock(), secret=settings.secret, audience=settings.audience)
        return tokens.sign("rehearsal", roles=("operator",)).value
    except (SettingsError, AccessTokenInvalid) as missing:
        raise NoOperatorToken(str(missing)) from missing
