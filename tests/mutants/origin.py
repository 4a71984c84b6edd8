"""A plugin of the runs in a copy of the tree: one that imported code from elsewhere, as an editable install would have it, is void."""

import sys
from pathlib import Path

import pytest

CODE = {"domain", "application", "adapters", "entrypoints", "tests"}
ELSEWHERE = 90
"""The exit status of such a run: none of pytest's own."""


def pytest_sessionfinish(session: pytest.Session) -> None:
    root = session.config.rootpath
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] in CODE and file is not None and not Path(file).is_relative_to(root):
            session.config.get_terminal_writer().line(f"{name} was imported from {file}, not from this tree")
            session.exitstatus = ELSEWHERE
