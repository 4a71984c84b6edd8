"""The locks say what to install, each by its hash, and never where from."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")
COMMENT = re.compile(r"^    #( +via)?( +[A-Za-z0-9._:() -]+)?$")


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(text: str) -> dict[str, str]:
    """Each requirement's version; anything that is neither a requirement, a hash nor a plain comment is refused."""
    versions: dict[str, str] = {}
    hashes: dict[str, int] = {}
    name = ""
    for line in text.splitlines():
        if found := REQUIREMENT.match(line):
            name = found["name"]
            versions[name], hashes[name] = found["version"], 0
        elif HASH.match(line):
            hashes[name] += 1
        elif not COMMENT.match(line):
            raise ValueError(f"neither a requirement nor its hash: {line!r}")
    if unproven := [name for name, count in hashes.items() if count == 0]:
        raise ValueError(f"without a hash: {unproven}")
    return versions


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_has_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert locked(text)
    assert re.findall(r"://|--(?:extra-)?index|--find-links|--trusted-host|@ ", text) == []


def test_the_runtime_holds_all_that_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {normalised(re.split(r"[=<>\[; ]", requirement, maxsplit=1)[0]) for requirement in project["dependencies"]}
    assert asked - set(locked((ROOT / "requirements.lock").read_text(encoding="utf-8"))) == set()


def test_development_adds_to_the_runtime_and_changes_nothing() -> None:
    runtime, everything = (locked((ROOT / lock).read_text(encoding="utf-8")) for lock in LOCKS)
    assert {name: everything.get(name) for name in runtime} == runtime


@pytest.mark.parametrize(
    "text",
    ["redis==8.1.0\n", "redis @ https://example.org/redis.whl\n", "--index-url https://example.org/simple\n", "# https://example.org\n"],
)
def test_a_lock_that_says_less_or_more_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"without a hash|neither a requirement"):
        locked(text)
