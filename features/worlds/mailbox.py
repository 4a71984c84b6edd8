"""What has arrived at the phones, as the simulated providers remember it."""

from dataclasses import dataclass

import httpx


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """``channel`` is ALIMTALK or SMS; ``template`` is the code of what was sent."""

    channel: str
    template: str
    text: str


class Mailbox:
    """Reads the simulators' mailbox over HTTP."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def letters_to(self, phone: str) -> list[Letter]:
        """Oldest first."""
        raise AssertionError(phone)

    def close(self) -> None:
        self._http.close()
