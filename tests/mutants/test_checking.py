"""The check itself: whatever keeps a mutant from proving something is told, by the mutant's name."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants.checking import problems
from tests.mutants.mutant import Mutant, Safeguard
from tests.mutants.origin import ELSEWHERE
from tests.mutants.safeguards import MUTANTS
from tests.mutants.trees import copied, run_tests

pytestmark = pytest.mark.timeout(600)

SEATS = "tests/domain/test_seat.py"
NOTICED = f"{SEATS}::test_a_seat_is_sold_to_its_holder_only"
BLIND = f"{SEATS}::test_a_free_seat_is_held_until_a_moment"
NO_MODULE = f"{SEATS}::tests.domain.test_seat"
REFUSING = "            raise ReservationExpired"

SOLD_TO_ANYONE = Mutant(
    safeguard=Safeguard.SEAT_CHECK,
    place="here",
    file="domain/seat.py",
    taken_out=f"or self.reservation_id != reservation_id:\n{REFUSING}",
    instead=f"or False:\n{REFUSING}",
    noticed_by=(NOTICED,),
)

BLUNDERS: dict[str, tuple[dict[str, object], str]] = {
    "no such text": ({"taken_out": "no such text"}, "is outdated: domain/seat.py says 0 times, not once: 'no such text'"),
    "no single text": ({"taken_out": "ReservationExpired"}, "is outdated: domain/seat.py says 3 times, not once: 'ReservationExpired'"),
    "no such file": ({"file": "domain/chair.py"}, "is outdated: domain/chair.py says 0 times, not once: 'or self.reser"),
    "nobody looks": ({"noticed_by": (NOTICED, BLIND)}, f"nothing was noticed by {BLIND}"),
    "no Python": ({"instead": f"or\n{REFUSING}"}, f"its run broke off (status 4): {NO_MODULE}: collection failure: E   SyntaxError: "),
    "no proof": ({"instead": f"or nobody:\n{REFUSING}"}, f"{NOTICED} failed by \"NameError: name 'nobody' is not defined\", which proves"),
}


def test_what_proves_nothing_is_told_by_name_and_the_ground_stays_whole(ground: Path) -> None:
    before = (ground / SOLD_TO_ANYONE.file).read_text()
    blunders = [replace(SOLD_TO_ANYONE, place=place, **changes) for place, (changes, _) in BLUNDERS.items()]  # type: ignore[arg-type]
    told = problems([SOLD_TO_ANYONE, *blunders], ground)
    for problem, (place, (_, expected)) in zip(told, BLUNDERS.items(), strict=True):
        assert problem.startswith(f"the seat check at payment: {place}: {expected}")
    assert (ground / SOLD_TO_ANYONE.file).read_text() == before


def test_a_test_that_is_none_proves_nothing(ground: Path) -> None:
    gone = f"{SEATS}::test_that_was_renamed"
    [problem] = problems([replace(SOLD_TO_ANYONE, noticed_by=(gone,))], ground)
    assert problem.startswith("the unbroken tree broke off (status 4): ")
    assert gone in problem


def test_a_test_that_fails_anyway_proves_nothing(ground: Path, tmp_path: Path) -> None:
    tree = copied(ground, tmp_path / "tree")
    SOLD_TO_ANYONE.break_(tree)
    [problem] = problems([replace(SOLD_TO_ANYONE, taken_out="or False:", instead="or True:")], tree)
    assert problem.startswith(f"{NOTICED} fails though nothing is broken: ")


@pytest.mark.parametrize(
    ("set_up", "told"),
    [
        ("assert False", f"the unbroken tree broke off (status 1): {NOTICED}: failed on setup"),
        ("pytest.skip()", f"{NOTICED} was not run"),
    ],
)
def test_a_test_that_does_not_come_to_run_proves_nothing(ground: Path, tmp_path: Path, set_up: str, told: str) -> None:
    """Where its set-up breaks, pytest calls that an error, and ends as after failures."""
    tree = copied(ground, tmp_path / "tree")
    (tree / "tests/domain/conftest.py").write_text(f"import pytest\n\n@pytest.fixture(autouse=True)\ndef set_up():\n    {set_up}\n")
    [problem] = problems([SOLD_TO_ANYONE], tree)
    assert problem.startswith(told)


def test_a_run_that_imports_the_code_of_another_tree_is_void(ground: Path, tmp_path: Path) -> None:
    """As it is here where this tree is installed: what the copy lacks is found there."""
    tree = copied(ground, tmp_path / "tree")
    shutil.rmtree(tree / "domain")
    run = run_tests(tree, [BLIND])
    assert (run.status, run.is_whole) == (ELSEWHERE, False)
    assert "was imported from" in run.tail


def test_every_safeguard_has_mutants_and_each_its_own_name() -> None:
    assert {mutant.safeguard for mutant in MUTANTS} == set(Safeguard)
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
