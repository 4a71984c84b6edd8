"""How a run over several processes (`pytest -n 3`) deals out the tests; each process has servers of its own.

The tests of one file stay together: what it starts, it starts once. The features' scenarios stay with their world's, those
about failures in two halves, since each world serves many of them and each of them waits much. They come first: they are long.
"""

from zlib import crc32

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

HALVED = "features/test_failures.py"


class Lanes(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        if not file.startswith("features/"):
            return file
        function, _, parameters = test.partition("[")
        world = parameters.removesuffix("]").partition("-")[0]
        half = crc32(function.encode()) % 2 if file == HALVED and world == "embedded" else 0
        return f"{file} {world} {half}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    config.option.loadscopereorder = False
    return Lanes(config, log)
