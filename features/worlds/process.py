"""Processes of the `concert` command, which never outlive the tests."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from tests.servers.native import NativeRunner

CONCERT = Path(sys.executable).with_name("concert")
SECONDS_TO_ANSWER = 60.0
SECONDS_TO_STOP = 20.0


class ConcertProcess:
    """One process of the command, which may be ended and started again on the same data."""

    def __init__(self, *arguments: str, environment: Mapping[str, str], directory: Path) -> None:
        self._name = " ".join(["concert", *arguments])
        log = directory / f"{arguments[0]}.log"
        self._runner = NativeRunner(command=_command(arguments, environment), directory=directory, log=log)

    def start(self) -> None:
        self._runner.start()

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self._runner.signal("KILL")
        self._runner.wait(SECONDS_TO_STOP)

    def pause(self) -> None:
        self._runner.signal("STOP")

    def resume(self) -> None:
        self._runner.signal("CONT")

    def stop(self) -> None:
        """Asks it to end. One that does not is killed, and that is a failure."""
        self._runner.signal("TERM")
        if not self._runner.wait(SECONDS_TO_STOP):
            self.kill()
            raise AssertionError(f"{self._name} did not end within {SECONDS_TO_STOP:.0f} s:\n{self._runner.log()}")

    @property
    def runs(self) -> bool:
        return not self._runner.wait(0)

    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self._runner.pid}/status").read_text()
        [kibibytes] = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(kibibytes) * 1024

    def ensure_running(self) -> None:
        """Raises AssertionError with what it said last, if it has ended."""
        if not self.runs:
            raise AssertionError(f"{self._name} has ended:\n{self._runner.log()}")

    def discard(self) -> None:
        """Its data go as well."""
        self.kill()
        self._runner.discard()

    def said(self) -> str:
        return f"{self._name}:\n{self._runner.log()}"


def concert(*arguments: str, environment: Mapping[str, str]) -> str:
    """Runs the command to its end and returns what it wrote."""
    command = _command(arguments, environment)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise AssertionError(f"concert {' '.join(arguments)} failed with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def _command(arguments: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """No setting of this machine's owner leaks into what is tested."""
    leaks = [f"--unset={name}" for name in os.environ if name.startswith("CONCERT_")]
    return ["env", *leaks, *(f"{name}={value}" for name, value in environment.items()), str(CONCERT), *arguments]


def await_answer(url: str, *processes: ConcertProcess, within: float = SECONDS_TO_ANSWER) -> None:
    """Returns once the address answers that all is well there."""
    deadline = time.monotonic() + within
    with httpx.Client(timeout=2, trust_env=False, verify=False) as http:
        while time.monotonic() < deadline:
            for process in processes:
                process.ensure_running()
            try:
                if http.get(url).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
    raise AssertionError(f"{url} is not well after {within:.0f} s\n" + "\n".join(process.said() for process in processes))
