"""The short form of the dress rehearsal, against a server of its own: the embedded default, as `make run` starts it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from entrypoints.rehearsal import run
from entrypoints.rehearsal.invariants import INVARIANTS

START_SECONDS = 30
DRAIN_SECONDS = 20


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for name in [name for name in os.environ if name.startswith("CONCERT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CONCERT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "120")
    log = tmp_path / "server.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("concert"), "serve"],
            env={**os.environ, "CONCERT_PORT": str(port)},
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_ready(process, f"http://127.0.0.1:{port}", log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(DRAIN_SECONDS)
        finally:
            process.kill()
            process.wait()


def wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(f"the server does not serve:\n{log.read_text(errors='replace')[-4000:]}")


@pytest.mark.slow
def test_thirty_fans_for_twenty_seats(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = run.main(["--url", server, "--fans", "30", "--seats", "20", "--timeout", "60", "--seed", "1"])
    said = capsys.readouterr().out
    assert code == 0, said
    for invariant in INVARIANTS:
        assert re.search(rf"{invariant}\s+│ holds", said), said
    assert re.search(r"left the line\s+│\s+2 ", said), said
    sold = re.search(r"(\d+) of 20 seats sold", said)
    assert sold is not None, said
    assert 10 <= int(sold[1]) <= 20
    assert "stopped by a fault" not in said


def test_without_an_operators_token_it_does_not_begin(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--url", server, "--fans", "1", "--seats", "1", "--operator-token", "nonsense"]) == 2
    assert "UNAUTHENTICATED" in capsys.readouterr().err
