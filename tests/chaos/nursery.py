"""Processes that cost little: forked from one that has imported everything and done nothing else."""

import multiprocessing
import pickle
import time
from collections.abc import Callable, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["pytest", "tests.chaos.warm", "tests.chaos.contest", "tests.chaos.worker_that_stops"])


def born(work: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """``work`` is a function of a module; it ends with its process."""
    process = _CONTEXT.Process(target=work, args=arguments, daemon=True)
    process.start()
    return process


def side_by_side(works: Sequence[tuple[Callable[..., None], tuple[Any, ...]]], seconds: float) -> None:
    """Until all have ended well; what fails says why on its own."""
    processes = [born(work, *arguments) for work, arguments in works]
    until = time.monotonic() + seconds
    try:
        for process in processes:
            process.join(max(0.0, until - time.monotonic()))
        assert [process.exitcode for process in processes] == [0] * len(processes)
    finally:
        for process in processes:
            process.kill()


def result_of(path: Path) -> Any:
    return pickle.loads(path.read_bytes())
