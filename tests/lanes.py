"""How a run over several processes (`pytest -n auto`) deals out the tests; each process has servers of its own.

The tests of one file stay together: what it starts, it starts once. The features' scenarios stay with their world's, those about
failures in two halves, since they are many. They wait more than they compute: two lanes of them at a time, as long as there is
something that keeps the processors busy beside them. What takes longest in one piece comes first, lest it be all that is left in the end.
"""

import os
from typing import Any
from zlib import crc32

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.servers.provider import KINDS

HALVED = "features/test_failures.py"
MOST = 6
WAITING = "features/"
WAITING_AT_ONCE = 2
LONGEST = ("tests/mutants/test_safeguards.py", "tests/chaos/test_crash_points.py", "tests/api/test_processes.py")


class Lanes(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        if not file.startswith(WAITING):
            return file
        function, _, parameters = test.partition("[")
        world = parameters.removesuffix("]").partition("-")[0]
        half = crc32(function.encode()) % 2 if file == HALVED else 0
        return f"{file} {world} {half}"

    def _assign_work_unit(self, node: Any) -> None:
        """The next scope in the order of the files, one that waits where there is room for it, else one of the longest."""
        room = sum(map(_waits, self._under_way())) < WAITING_AT_ONCE
        following = min(self.workqueue, key=lambda scope: (_waits(scope) is not room, scope not in LONGEST))
        self.workqueue.move_to_end(following, last=False)
        super()._assign_work_unit(node)

    def _under_way(self) -> list[str]:
        return [scope for scopes in self.assigned_work.values() for scope, tests in scopes.items() if not all(tests.values())]


def _waits(scope: str) -> bool:
    return scope.startswith(WAITING)


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """As many more than there are processors as wait; one where a server is named, which tests may fence."""
    named = any(os.environ.get(variable) for variable in KINDS)
    return 1 if named else min((os.cpu_count() or 1) + WAITING_AT_ONCE, MOST)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    config.option.loadscopereorder = False
    return Lanes(config, log)
