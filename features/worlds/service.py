"""A running booking service, and what its world lets a scenario do to it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import httpx

from features.worlds.graphql import GraphqlClient
from features.worlds.mailbox import Mailbox
from features.worlds.operator import Operator
from features.worlds.process import ConcertProcess, await_answer, concert
from features.worlds.providers import Providers
from tests.servers.native import remove_tree

SECONDS_TO_NOTICE = 60.0
LEASE = 3
"""Seconds after which what a dead process had taken up is another's."""

WITH_FAULTS = {
    "CONCERT_FAULTS": "true",
    "CONCERT_CIRCUIT_OPEN_SECONDS": "2",
    "CONCERT_MAX_IN_FLIGHT": "8",
    "CONCERT_ALIMTALK_RATE": "1000",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tempo:
    """How long a hold and a pass last, in seconds."""

    hold_seconds: int = 300
    pass_seconds: int = 600
    faults: bool = False
    """Whether faults can be injected inside the process; circuits close soon there, and few are served at once."""

    @property
    def settings(self) -> dict[str, str]:
        return {
            "CONCERT_HOLD_SECONDS": str(self.hold_seconds),
            "CONCERT_PASS_SECONDS": str(self.pass_seconds),
            "CONCERT_LEASE_SECONDS": str(LEASE),
            **(WITH_FAULTS if self.faults else {}),
        }


class BookingService:
    """The processes of one service, on one address and one set of data."""

    def __init__(
        self,
        *,
        url: str,
        commands: Sequence[tuple[str, ...]],
        environment: Mapping[str, str],
        directory: Path,
        providers: Providers | None = None,
        database_url: str | None = None,
        operator_token: str | None = None,
    ) -> None:
        """Without ``providers`` it simulates them itself; ``database_url``, if that is not the way it takes itself."""
        self.api = GraphqlClient(url)
        self.providers = providers
        self.providers_url = providers.url if providers else url
        self.mailbox = Mailbox(self.providers_url)
        self.url = url
        self._database_url = database_url
        self._environment = environment
        self._directory = directory
        self._operator_token = operator_token
        self._processes = [ConcertProcess(*command, environment=environment, directory=directory) for command in commands]

    @cached_property
    def operator(self) -> Operator:
        """With the token given, else with one that the command signs."""
        return Operator(self.api, self._operator_token or concert("token", "--role", "operator", environment=self._environment))

    def start(self) -> None:
        for process in self._processes:
            process.start()
        await_answer(f"{self.url}/readyz", *self._processes)

    def revive(self) -> None:
        """Whatever an earlier scenario has done to it, or to its providers."""
        if self.providers is not None:
            self.providers.start()
        if not self.runs:
            self.start()

    def await_servers(self) -> None:
        """Returns when it has noticed that all of its servers answer again."""
        deadline = time.monotonic() + SECONDS_TO_NOTICE
        with httpx.Client(timeout=5, trust_env=False, verify=False) as http:
            while not self._has_all_servers(http):
                assert time.monotonic() < deadline, "a server is away still"
                time.sleep(0.1)

    def _has_all_servers(self, http: httpx.Client) -> bool:
        try:
            return all(http.get(f"{self.url}/readyz").json()["servers"].values())
        except httpx.TransportError:
            return False

    @property
    def database_url(self) -> str:
        """The straight way to it."""
        return self._database_url or f"sqlite:///{self._environment['CONCERT_DATA_DIR']}/concert.sqlite3"

    def run(self, *arguments: str) -> str:
        """Another command of the same service, to its end; what it wrote."""
        return concert(*arguments, environment=self._environment)

    def log_lines(self) -> list[str]:
        """Everything that its processes have written, since the first start."""
        return [line for log in sorted(self._directory.glob("*.log")) for line in log.read_text(errors="replace").splitlines()]

    def resident_bytes(self) -> int:
        """What its processes occupy in memory just now."""
        return sum(process.resident_bytes() for process in self._processes)

    @property
    def runs(self) -> bool:
        return all(process.runs for process in self._processes)

    def said(self) -> str:
        return "\n".join(process.said() for process in self._processes)

    def kill(self) -> None:
        """All of its processes at once, as a power cut would."""
        for process in self._processes:
            process.kill()

    def stop(self) -> None:
        """As an orderly shutdown would; raises AssertionError when one of the processes does not heed it."""
        for process in self._processes:
            process.stop()

    def discard(self) -> None:
        """Whatever still runs goes, and its data with it."""
        self.kill()
        self.api.close()
        self.mailbox.close()
        remove_tree(self._directory)
