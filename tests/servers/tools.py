"""The programs a native recipe needs: found, or installed from the machine's own package sources."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers.cache import exclusive
from tests.servers.server import ServerUnavailable

# Some shells leave these out even for root.
PROGRAMS = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
PATIENT = ("-o", "DPkg::Lock::Timeout=300")


def found(program: str) -> str | None:
    """Where a program is, if it is installed."""
    return shutil.which(program, path=PROGRAMS)


def require(packages: Mapping[str, str], *, instead: str) -> None:
    """Have each of these programs, installing the packages of the missing ones; `instead` tells how to do without."""
    if all(found(program) for program in packages):
        return
    with exclusive("packages"):
        missing = sorted({package for program, package in packages.items() if found(program) is None})
        if not missing:
            return
        require_root(f"installing {', '.join(missing)}", instead=instead)
        if found("apt-get") is None:
            raise ServerUnavailable(f"There is no apt-get to install {', '.join(missing)} with. {instead}")
        succeed(["apt-get", "update", *PATIENT], instead=instead)
        succeed(["apt-get", "install", "-y", "--no-install-recommends", *PATIENT, *missing], instead=instead)


def require_root(purpose: str, *, instead: str) -> None:
    """Refuse, with a way out, when only root could go on."""
    if os.geteuid() != 0:
        raise ServerUnavailable(f"{purpose} needs root. {instead}")


def succeed(command: Sequence[str], *, instead: str, directory: Path | None = None) -> str:
    """Run a command to its end and return what it wrote; its failure is the server's."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PATH": PROGRAMS}
    try:
        done = subprocess.run(
            list(command),
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError as missing:
        raise ServerUnavailable(f"{command[0]} is not installed. {instead}") from missing
    if done.returncode != 0:
        end = "\n".join(done.stdout.splitlines()[-20:])
        raise ServerUnavailable(f"{' '.join(command[:3])} … failed with {done.returncode}. {instead}\n{end}")
    return done.stdout
