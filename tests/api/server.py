"""`concert serve` as a person starts it: a process of its own, on a port and a data directory of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

START_SECONDS = 30.0
END_SECONDS = 15.0


class Server:
    def __init__(self, data_dir: Path, port: int, command: str = "serve", **settings: str) -> None:
        self._command = command
        self.data_dir = data_dir
        self.url = f"http://127.0.0.1:{port}"
        self.log = data_dir.with_name(f"{data_dir.name}-{port}.log")
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("CONCERT_")} | {
            "CONCERT_DATA_DIR": str(data_dir),
            "CONCERT_PORT": str(port),
            **{f"CONCERT_{name}": value for name, value in settings.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = self.beside(self._command)
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self._process.kill()
                self._process.wait()
                raise AssertionError(f"the server did not start:\n{self.log.read_text()}")
            time.sleep(0.05)

    def beside(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Another process of the same settings, which the caller ends."""
        command = [sys.executable, "-W", "error", "-m", "entrypoints.command", *arguments]
        with self.log.open("ab") as log:
            return subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        try:
            return self._process.wait(END_SECONDS)
        finally:
            self._process.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def run(self, *arguments: str) -> str:
        """What another `concert` command of the same settings prints."""
        done = self.ran(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ran(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "entrypoints.command", *arguments]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=START_SECONDS)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=1.0).status_code == 200
        except httpx.TransportError:
            return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(data_dir: Path, **settings: str) -> Iterator[Server]:
    server = Server(data_dir, free_port(), **settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()
