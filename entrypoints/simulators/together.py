"""The providers' look-alikes as one set of routes: beside the API in the embedded default, or in a process of their own."""

from pathlib import Path

from starlette.routing import BaseRoute, Mount

from entrypoints.simulators.nhn import create_app as create_nhn_app
from entrypoints.simulators.nhn_provider import Account
from entrypoints.simulators.toss import create_toss_app

MAILBOX = "mailbox.sqlite3"
TOSS_BOOKS = "toss.sqlite3"
NHN_PATH = "/simulator/nhn"
SOLAPI_PATH = "/simulator/solapi"
TOSS_PATH = "/simulator/tosspayments"
"""Where the card gateway answers; what a card's holder does, and the switches of its faults, lie under ``/simulator/toss``."""


class Simulators:
    """What they have sent and charged is kept in ``directory``, and survives them."""

    def __init__(self, directory: Path, *, alimtalk: Account, sms: Account, solapi: Account, toss_secret_key: str) -> None:
        self._nhn = create_nhn_app(directory / MAILBOX, alimtalk=alimtalk, sms=sms, solapi=solapi)
        self._toss = create_toss_app(directory / TOSS_BOOKS, secret_key=toss_secret_key)

    def routes(self) -> list[BaseRoute]:
        """The notification providers' own paths, which share a mailbox, come last: they are looked for everywhere."""
        controls = [route for route in self._toss.routes if getattr(route, "path", "").startswith("/simulator/")]
        return [Mount(TOSS_PATH, self._toss), *controls, Mount(NHN_PATH, self._nhn), Mount(SOLAPI_PATH, self._nhn), Mount("/", self._nhn)]

    async def close(self) -> None:
        await self._nhn.state.webhook.close()
        await self._nhn.state.mailbox.close()
        await self._toss.state.close()
