"""A running booking service, and what its world lets a scenario do to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from features.worlds.graphql import GraphqlClient
from features.worlds.mailbox import Mailbox
from features.worlds.operator import Operator
from features.worlds.process import ConcertProcess, await_answer, concert
from tests.servers.native import remove_tree

LEASE = 3
"""Seconds after which what a dead process had taken up is another's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tempo:
    """How long a hold and a pass last, in seconds."""

    hold_seconds: int = 300
    pass_seconds: int = 600

    @property
    def settings(self) -> dict[str, str]:
        return {
            "CONCERT_HOLD_SECONDS": str(self.hold_seconds),
            "CONCERT_PASS_SECONDS": str(self.pass_seconds),
            "CONCERT_LEASE_SECONDS": str(LEASE),
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
        mailbox_url: str | None = None,
        operator_token: str | None = None,
    ) -> None:
        self.api = GraphqlClient(url)
        self.mailbox = Mailbox(mailbox_url or url)
        self._url = url
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
        await_answer(f"{self._url}/readyz", *self._processes)

    def revive(self) -> None:
        """Whatever an earlier scenario has done to it."""
        if not all(process.runs for process in self._processes):
            self.start()

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
