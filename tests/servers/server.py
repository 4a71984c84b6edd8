"""What the three servers have in common: a port and data of their own, and every way a test may break them."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar, Protocol, Self

from tests.servers.ports import free_port


class ServerUnavailable(Exception):
    """A server cannot be had on this machine, or does not come up; a test that needs it has failed."""


class Runner(Protocol):
    """One server process, wherever it runs; its data outlive it until they are discarded."""

    def start(self) -> None: ...

    def signal(self, name: str) -> None: ...

    def wait(self, seconds: float) -> bool: ...

    def log(self) -> str: ...

    def discard(self) -> None: ...


class Server(ABC):
    """A server on a free port of 127.0.0.1, whose data stay from one start to the next and go when it is removed."""

    seconds_to_answer: ClassVar[float] = 90
    seconds_to_stop: ClassVar[float] = 30

    def __init__(self, *, options: Sequence[str] = ()) -> None:
        self.port = free_port()
        self.options = tuple(options)
        self._runner: Runner | None = None

    @classmethod
    @contextmanager
    def started(cls, *, options: Sequence[str] = ()) -> Iterator[Self]:
        """Lend a server of one's own, to break at will."""
        server = cls(options=options)
        try:
            server.start()
            yield server
        finally:
            server.remove()

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it listens, as the TEST_… variable of its kind spells it."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it serves a client now; a refused connection may also be raised, as OSError."""

    @abstractmethod
    def _runner_with_data(self) -> Runner:
        """Lay out fresh data and say how to run the server on them."""

    def start(self) -> None:
        """Start on the data of the last time, and return once a client is served."""
        if self._runner is None:
            self._runner = self._runner_with_data()
        self._runner.start()
        self._await_answer(self._runner)

    def stop(self) -> None:
        """Ask it to end, and make it end if it does not; the data stay."""
        runner = self._running()
        # A paused process never hears SIGTERM.
        runner.signal("CONT")
        runner.signal("TERM")
        if not runner.wait(self.seconds_to_stop):
            runner.signal("KILL")
            runner.wait(self.seconds_to_stop)

    def kill(self) -> None:
        """End it as a power cut would; what it had not made durable is lost."""
        runner = self._running()
        runner.signal("KILL")
        runner.wait(self.seconds_to_stop)

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        self._running().signal("STOP")

    def resume(self) -> None:
        """Let a frozen server go on."""
        self._running().signal("CONT")

    def restart(self) -> None:
        """End it if it still runs, and start it again with the same port and data."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """End it and forget its data."""
        if self._runner is not None:
            self.kill()
            self._runner.discard()
            self._runner = None

    def _running(self) -> Runner:
        if self._runner is None:
            raise ServerUnavailable(f"{type(self).__name__} was never started")
        return self._runner

    def _await_answer(self, runner: Runner) -> None:
        deadline = time.monotonic() + self.seconds_to_answer
        while time.monotonic() < deadline:
            try:
                if self.answers():
                    return
            except OSError:
                pass
            if runner.wait(0.05):
                break
        raise ServerUnavailable(f"{type(self).__name__} does not answer on port {self.port}:\n{runner.log()}")
