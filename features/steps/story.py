"""What a scenario has come to: its service, its concert and the fans who are in it."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import httpx

from features.worlds import documents
from features.worlds.fan import Fan
from features.worlds.graphql import Answer, Refused
from features.worlds.operator import Plan, Show
from features.worlds.service import LEASE, BookingService, Tempo
from features.worlds.world import OwnServers, World

T = TypeVar("T")

SLACK = 10.0
"""Seconds that a machine under load may take between doing something and looking at it."""
MARGIN = 0.3
"""Seconds after which a moment has surely passed."""
QUIET = 0.7
"""Seconds in which a message that is sent twice would have come twice, with every process alive."""
SOON = 40.0
"""Seconds within which what comes by itself has to come."""


@dataclass(slots=True)
class Story:
    """Fans sign in when they are first named. ``windows`` are the second windows of fans, by name.

    ``silence``: seconds after which nothing more is taken to come.
    """

    world: World
    stack: ExitStack
    _service: BookingService | None = None
    _show: Show | None = None
    _fans: dict[str, Fan] = field(default_factory=dict)
    windows: dict[str, Fan] = field(default_factory=dict)
    crowd: list[Fan] = field(default_factory=list)
    answers: list[Answer | None] = field(default_factory=list)
    _servers: OwnServers | None = None
    silence: float = QUIET

    @property
    def service(self) -> BookingService:
        if self._service is None:
            self.use(self.world.service(Tempo()))
        assert self._service is not None
        return self._service

    def said(self) -> str:
        """The last that the service wrote, if there is one yet."""
        return self._service.said() if self._service else ""

    def use(self, service: BookingService) -> None:
        self._service = service

    def use_own_servers(self, tempo: Tempo = Tempo()) -> None:  # noqa: B008, it is frozen
        """A service beside servers that the scenario may break."""
        self._service, self._servers = self.world.service_on_own_servers(tempo)

    def kill(self) -> None:
        """As a power cut would. What the dead had taken up comes again when their lease has run out."""
        self.service.kill()
        self.silence = LEASE + 1.0

    @property
    def servers(self) -> OwnServers:
        assert self._servers is not None, "no servers to break"
        return self._servers

    @property
    def show(self) -> Show:
        assert self._show is not None, "no concert was put on sale"
        return self._show

    def put_on_sale(self, plan: Plan) -> None:
        """Until the scenario ends: an admitter looks after every concert that is on sale, four times a second."""
        self._show = self.service.operator.create(plan)
        self.stack.callback(self._close, self._show)

    def fan(self, name: str) -> Fan:
        if name not in self._fans:
            self._fans[name] = self._signed_in(name)
        return self._fans[name]

    def fans(self) -> list[Fan]:
        return list(self._fans.values())

    def second_window(self, name: str) -> Fan:
        """The same person in another tab, which knows of no token yet."""
        fan = self.fan(name)
        self.windows[name] = replace(fan, token="", standing={}, sockets=[], answer=None)
        self.stack.callback(self.windows[name].hang_up)
        return self.windows[name]

    def gather(self, count: int) -> None:
        self.crowd = self.at_once([partial(self._signed_in, f"팬 {number}") for number in range(count)])

    def seat_states(self, names: tuple[str, ...]) -> dict[str, str]:
        """What everybody sees on the map."""
        performance = self.service.api.ask(documents.PERFORMANCE, {"id": self.show.performance_id})["performance"]
        states = {edge["node"]["id"]: edge["node"]["status"] for edge in performance["seats"]["edges"]}
        return {name: states[self.show.seats[name]] for name in names}

    def queue(self) -> dict[str, Any] | None:
        status: dict[str, Any] | None = self.service.api.ask(documents.CONCERT, {"id": self.show.concert_id})["concert"]["queue"]
        return status

    def at_once(self, errands: Sequence[Callable[[], T]]) -> list[T]:
        """All of them at the same moment, each in a thread of its own."""
        with ThreadPoolExecutor(max_workers=len(errands)) as pool:
            return [errand.result() for errand in [pool.submit(errand) for errand in errands]]

    def _close(self, show: Show) -> None:
        """It may be closed already, and whoever would close it may be dead."""
        if self.service.runs:
            with suppress(Refused, AssertionError, httpx.TransportError):
                self.service.operator.close(show)

    def _signed_in(self, name: str) -> Fan:
        fan = Fan.signed_in(self.service.api, name)
        self.stack.callback(fan.hang_up)
        return fan


def eventually(check: Callable[[], T], within: float = SOON) -> T:
    """The check's value once it holds. Asks again until then; raises its last AssertionError when the time is over."""
    deadline = time.monotonic() + within
    pause = 0.05
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def sleep_until(moment: datetime) -> None:
    """Returns at that moment of this machine's clock, which is the service's as well."""
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


def sleep_past(moment: datetime) -> None:
    """Returns when that moment has surely passed."""
    sleep_until(moment + timedelta(seconds=MARGIN))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
