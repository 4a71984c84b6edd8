from pathlib import Path

import pytest

from tests.mutants.trees import ROOT, copied


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree as it stands, in a copy that nobody breaks."""
    return copied(ROOT, tmp_path_factory.mktemp("ground"), compiled=False)
