"""What is downloaded once and kept outside the tree."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.native import remove_tree


def cache_home() -> Path:
    """The folder that outlives runs and clones."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    home = Path(base) / "concert-servers"
    home.mkdir(parents=True, exist_ok=True)
    return home


@contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Let one process at a time do what bears this name; the system lets go of the lock of one that dies."""
    with (cache_home() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def cached(name: str, build: Callable[[Path], None]) -> Path:
    """Return the finished folder of this name, built first where there is none; a half-built one never bears the name."""
    finished = cache_home() / name
    if finished.exists():
        return finished
    with exclusive(name):
        if finished.exists():
            return finished
        for abandoned in cache_home().glob(f"{name}.building-*"):
            remove_tree(abandoned)
        scratch = Path(tempfile.mkdtemp(prefix=f"{name}.building-", dir=cache_home()))
        try:
            # A server that gives up root has to pass through here.
            scratch.chmod(0o755)
            build(scratch)
            scratch.rename(finished)
        except BaseException:
            remove_tree(scratch)
            raise
    return finished
