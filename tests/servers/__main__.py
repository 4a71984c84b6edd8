"""`run -- COMMAND…` runs a command with TEST_MYSQL_URL, TEST_REDIS_URL and TEST_KAFKA_BOOTSTRAP set; `prepare` only downloads."""

import os
import signal
import subprocess
import sys
from types import FrameType

from tests.servers.provider import all_provided, prepare
from tests.servers.server import ServerUnavailable


def end_in_order(number: int, frame: FrameType | None) -> None:
    """Turn a signal into an exit, so that what was started is stopped on the way out."""
    raise SystemExit(128 + number)


def run(command: list[str]) -> int:
    """Run a command beside its servers and return its exit status."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_in_order)
    with all_provided() as servers:
        child = subprocess.Popen(command, env={**os.environ, **servers})
        try:
            while True:
                try:
                    return child.wait()
                except KeyboardInterrupt:
                    # The terminal told the command as well: it ends by itself, and its servers outlive it.
                    continue
        finally:
            if child.poll() is None:
                child.terminate()
                child.wait()


def main(arguments: list[str]) -> int:
    """Do what the command line says."""
    try:
        match arguments:
            case ["prepare"]:
                prepare()
                return 0
            case ["run", "--", *command] if command:
                return run(command)
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except ServerUnavailable as unavailable:
        print(unavailable, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
