"""A server as a container, where an engine answers."""

import functools
import os
import subprocess
import time
from pathlib import Path

from tests.servers.server import ServerUnavailable

FILE = Path(__file__).with_name("compose.yml")
WATCH = 'read -r _; exec docker compose --project-name "$1" --file "$2" down --volumes --timeout 0'


@functools.cache
def engine_answers() -> bool:
    """Whether docker compose can be used here."""
    try:
        asked = [
            subprocess.run(["docker", *question], stdin=subprocess.DEVNULL, capture_output=True, timeout=15, check=False)
            for question in (["info"], ["compose", "version"])
        ]
    except (OSError, subprocess.TimeoutExpired):
        return False
    return all(answer.returncode == 0 for answer in asked)


class ContainerRunner:
    """Runs one service of `compose.yml` as a project of its own, so that its data are its own too."""

    def __init__(self, *, service: str, port: int, options: tuple[str, ...] = ()) -> None:
        self._service = service
        self._project = f"concert-test-{service}-{os.getpid()}-{port}"
        self._environment = {**os.environ, "TEST_SERVER_PORT": str(port), "TEST_SERVER_OPTIONS": " ".join(options)}
        self._watch: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if self._watch is None:
            self._watch = subprocess.Popen(
                ["/bin/sh", "-c", WATCH, "watch", self._project, str(FILE)],
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._compose("up", "--detach", "--no-recreate", self._service)

    def signal(self, name: str) -> None:
        state = self._state()
        # The engine's own freezer, since a container's first process may ignore SIGSTOP; what is frozen can be neither asked nor killed.
        if state == "running" and name == "STOP":
            self._compose("pause", self._service)
        elif state == "paused" and name != "STOP":
            self._compose("unpause", self._service)
        if state in {"running", "paused"} and name not in {"STOP", "CONT"}:
            self._compose("kill", "--signal", name, self._service)

    def wait(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._state() in {"running", "paused"}:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.2)
        return True

    def log(self) -> str:
        return self._compose("logs", "--tail", "30", self._service)

    def discard(self) -> None:
        self._compose("down", "--volumes", "--timeout", "0")
        if self._watch is not None:
            self._watch.kill()
            self._watch.wait()
            if self._watch.stdin is not None:
                self._watch.stdin.close()
            self._watch = None

    def _state(self) -> str:
        container = self._compose("ps", "--all", "--quiet", self._service).strip()
        return docker("inspect", "--format", "{{.State.Status}}", container).strip() if container else "absent"

    def _compose(self, *arguments: str) -> str:
        return docker("compose", "--project-name", self._project, "--file", str(FILE), *arguments, environment=self._environment)


def docker(*arguments: str, environment: dict[str, str] | None = None) -> str:
    """Run a docker command to its end and return what it wrote."""
    done = subprocess.run(
        ["docker", *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode != 0:
        raise ServerUnavailable(f"docker {' '.join(arguments)} failed with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout
