"""What has arrived at the phones, as the simulated providers remember it."""

from dataclasses import dataclass

import httpx

from features.worlds.graphql import SHORTLY_KEPT


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """``kind`` is ALIMTALK, SMS or LMS; ``template`` is the code of what was sent."""

    kind: str
    template: str
    text: str


class Mailbox:
    """Reads the simulators' mailbox over HTTP."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=10, trust_env=False, limits=SHORTLY_KEPT)

    def letters_to(self, phone: str) -> list[Letter]:
        """Everything that a provider took for this number, oldest first."""
        response = self._http.get("/mailbox.json", params={"phone": phone, "limit": 100})
        response.raise_for_status()
        mails = response.json()["mails"]
        return [Letter(kind=mail["kind"], template=mail["template"], text=mail["text"]) for mail in reversed(mails)]

    def close(self) -> None:
        self._http.close()
