"""No safeguard can go without a test that fails."""

from pathlib import Path

import pytest

from tests.mutants.checking import problems
from tests.mutants.mutant import Safeguard
from tests.mutants.safeguards import MUTANTS

NEEDS_MYSQL = {Safeguard.SKIP_LOCKED}
SAFEGUARDS = [pytest.param(safeguard, marks=pytest.mark.real if safeguard in NEEDS_MYSQL else ()) for safeguard in Safeguard]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("safeguard", SAFEGUARDS, ids=str)
def test_its_loss_is_noticed(safeguard: Safeguard, ground: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if safeguard in NEEDS_MYSQL:
        monkeypatch.setenv("TEST_MYSQL_URL", request.getfixturevalue("mysql_url"))
    mutants = [mutant for mutant in MUTANTS if mutant.safeguard is safeguard]
    assert mutants
    told = problems(mutants, ground)
    assert told == [], "\n".join(told)
