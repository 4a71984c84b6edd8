"""How a run over several processes (`pytest -n auto`) deals out the tests; each process has servers of its own.

The tests of one file stay together: what it starts, it starts once. The features' scenarios stay with their world's, those about
failures in two halves, since they are many and each of them waits much. What takes long comes first.
"""

import os
from zlib import crc32

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.servers.provider import KINDS

HALVED = "features/test_failures.py"
MOST = 6


class Lanes(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        if not file.startswith("features/"):
            return file
        function, _, parameters = test.partition("[")
        world = parameters.removesuffix("]").partition("-")[0]
        half = crc32(function.encode()) % 2 if file == HALVED else 0
        return f"{file} {world} {half}"


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than there are processors, since much of it is waiting; one where a server is named, which tests may fence."""
    named = any(os.environ.get(variable) for variable in KINDS)
    return 1 if named else min((os.cpu_count() or 1) + 1, MOST)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    config.option.loadscopereorder = False
    return Lanes(config, log)
