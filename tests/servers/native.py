"""A server as a process of this machine, which never outlives the process that asked for it."""

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

# Ends when its input does, which the system closes however its owner died; works from any thread, unlike PR_SET_PDEATHSIG, which
# takes the end of the thread that started the server for the end of the process.
WATCH = 'read -r _; kill -KILL "$1"; sleep 0.2; rm -rf -- "$2"'


class NativeRunner:
    """Runs a command over a data directory."""

    def __init__(self, *, command: Sequence[str], directory: Path, log: Path) -> None:
        self._command = list(command)
        self._directory = directory
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if not self.wait(0):
            return
        # A session of its own: Ctrl-C belongs to the tests, which then stop their servers in order.
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self._watch = subprocess.Popen(
            ["/bin/sh", "-c", WATCH, "watch", str(self._process.pid), str(self._directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def signal(self, name: str) -> None:
        if self._process is not None:
            self._process.send_signal(signal.Signals[f"SIG{name}"])

    def wait(self, seconds: float) -> bool:
        """Whether the server has ended within this time."""
        if self._process is None:
            return True
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self._process = None
        self._dismiss_watch()
        return True

    def log(self) -> str:
        """The last it said."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-30:])

    def discard(self) -> None:
        remove_tree(self._directory)

    def _dismiss_watch(self) -> None:
        if self._watch is None:
            return
        self._watch.kill()
        self._watch.wait()
        if self._watch.stdin is not None:
            self._watch.stdin.close()
        self._watch = None


def remove_tree(directory: Path) -> None:
    """Remove a directory that servers or package tools wrote, never following a mount out of it."""
    subprocess.run(["rm", "-rf", "--one-file-system", "--", str(directory)], check=True)
