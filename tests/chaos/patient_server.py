"""`concert serve` that may be killed and started again while many ask: nobody knows how long a busy machine takes for that."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import httpx

from tests.api.server import Server, free_port
from tests.chaos.nursery import born

PATIENCE = 100.0
"""Seconds for a start, and for an end."""


class PatientServer(Server):
    """The command itself, in a process of its own."""

    def start(self) -> None:
        process = self._process = self.beside("serve")
        until_ready(self.url, lambda: process.poll() is None, self.log)


class NurseryServer:
    """The same in a process of the nursery, where everything is imported: to start it again and again costs little."""

    def __init__(self, data_dir: Path, port: int, **settings: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._log = data_dir.with_name(f"{data_dir.name}.log")
        self._environment = {
            "CONCERT_DATA_DIR": str(data_dir),
            "CONCERT_PORT": str(port),
            **{f"CONCERT_{name}": value for name, value in settings.items()},
        }
        self._process: ForkServerProcess | None = None

    def start(self) -> None:
        self._process = born(serve, self._environment, self._log)
        until_ready(self.url, self._process.is_alive, self._log)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit status."""
        assert self._process is not None and self._process.pid is not None
        os.kill(self._process.pid, number)
        self._process.join(PATIENCE)
        self._process.kill()
        self._process.join()
        return self._process.exitcode or 0


def until_ready(url: str, lives: Callable[[], bool], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            if httpx.get(f"{url}/readyz", timeout=10.0).status_code == 200:
                return
        except httpx.TransportError:
            pass
        if not lives() or time.monotonic() > until:
            raise AssertionError(f"the server did not start:\n{log.read_text()}")
        time.sleep(0.02)


def serve(environment: Mapping[str, str], log: Path) -> None:
    """As the command does, with these settings and no others."""
    from entrypoints.cli import main

    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(written, 1)
    os.dup2(written, 2)
    for name in [name for name in os.environ if name.startswith("CONCERT_")]:
        del os.environ[name]
    os.environ.update(environment)
    raise SystemExit(main(["serve"]))


@contextmanager
def serving(kind: type[PatientServer] | type[NurseryServer], data_dir: Path, **settings: str) -> Iterator[PatientServer | NurseryServer]:
    server = kind(data_dir, free_port(), **settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()
