"""What the command does before there is a sale to judge, and that it knows nothing but the public API."""

import ast
import socket
from collections import Counter
from pathlib import Path

import pytest
from starlette.responses import JSONResponse

from entrypoints.rehearsal import run
from entrypoints.rehearsal.client import GraphQLClient, RequestRefused
from entrypoints.rehearsal.fan import Character, character_of
from entrypoints.rehearsal.stage import set_stage
from tests.rehearsal.conftest import Script

OWN = Path(run.__file__).parent


def test_it_is_a_client() -> None:
    """What stands behind the API could not vouch for itself. The one exception signs the operator's token."""
    imported: set[str] = set()
    for path in OWN.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
    inside = {name for name in imported if name.split(".")[0] in ("domain", "application", "adapters", "entrypoints")}
    assert {name for name in inside if not name.startswith("entrypoints.rehearsal")} == {"entrypoints.auth", "entrypoints.settings"}


def test_nobody_there(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert run.main(["--url", f"http://127.0.0.1:{port}", "--operator-token", "abc"]) == 2
    assert "cannot be reached" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["0", "-1", "many", "100001"])
def test_counts_are_bounded(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        run.main(["--fans", wrong])
    assert exit_.value.code == 2
    assert "--fans" in capsys.readouterr().err


async def test_without_the_right_there_is_no_concert(script: Script) -> None:
    script.answers.append(JSONResponse({"errors": [{"message": "no", "extensions": {"code": "FORBIDDEN"}}]}))
    async with GraphQLClient(script.url) as client:
        with pytest.raises(RequestRefused, match="FORBIDDEN"):
            await set_stage(client, "abc", seats=20, fans=30)
    assert len(script.asked) == 1


@pytest.mark.parametrize("seats", [1, 19, 20, 77, 200, 1000])
async def test_the_house_has_as_many_seats_as_asked_for(script: Script, seats: int) -> None:
    script.answer({"createConcert": {"__typename": "CreateConcertSuccess", "concert": {"id": "c", "performances": [{"id": "p"}]}}})
    async with GraphQLClient(script.url) as client:
        stage = await set_stage(client, "abc", seats=seats, fans=100)
    assert (stage.concert_id, stage.performance_id) == ("c", "p")
    body, authorization = script.asked[0]
    assert authorization == "Bearer abc"
    concert = body["variables"]["input"]
    sections = concert["performances"][0]["sections"]
    assert sum(section["rows"] * section["seatsPerRow"] for section in sections) == seats
    assert len({section["name"] for section in sections}) == len(sections)
    assert concert["capacity"] == 25


def test_the_cast() -> None:
    assert Counter(character_of(index) for index in range(16)) == {
        Character.BUYS: 12,
        Character.LEAVES: 1,
        Character.LETS_GO: 1,
        Character.CANCELS: 1,
        Character.REPEATS: 1,
    }
