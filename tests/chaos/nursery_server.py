"""`concert serve` in a process of the nursery: everything is imported, so that to start it again and again costs little."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import httpx

from tests.api.server import free_port
from tests.chaos.nursery import born

PATIENCE = 60.0
"""Seconds in which a busy machine starts or ends it."""


class NurseryServer:
    """Starts and stops like ``tests.api.server.Server``."""

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
        until = time.monotonic() + PATIENCE
        while not self._answers():
            if not self._process.is_alive() or time.monotonic() > until:
                raise AssertionError(f"the server did not start:\n{self._log.read_text()}")
            time.sleep(0.02)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit status."""
        assert self._process is not None and self._process.pid is not None
        os.kill(self._process.pid, number)
        self._process.join(PATIENCE)
        self._process.kill()
        self._process.join()
        return self._process.exitcode or 0

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=1.0).status_code == 200
        except httpx.TransportError:
            return False


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
def serving_from_the_nursery(data_dir: Path, **settings: str) -> Iterator[NurseryServer]:
    server = NurseryServer(data_dir, free_port(), **settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()
