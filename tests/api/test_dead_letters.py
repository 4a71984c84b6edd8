"""Dead letters end to end: a message dies in a served process, an operator finds it by API and by command, and decides."""

import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.api.client import Client, Refused
from tests.api.server import Server, serving

LIST = """query($status: LetterStatus, $type: String, $first: Int, $after: String) { operations { deadLetters(
  status: $status, type: $type, first: $first, after: $after) {
  edges { node { id origin status reason tries type key sequence payload position excerpt endedBy note } cursor }
  pageInfo { hasNextPage endCursor } } } }"""
OUTCOMES = "... on DeadLettersDecided { dryRun outcomes { id problem letter { type } } }"
REDRIVE = f"mutation($input: DeadLettersInput!) {{ redriveDeadLetters(input: $input) {{ {OUTCOMES} }} }}"
DISCARD = f"mutation($input: DeadLettersInput!) {{ discardDeadLetters(input: $input) {{ {OUTCOMES} }} }}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One of this module's own: its messages die."""
    with serving(tmp_path_factory.mktemp("dead") / "data") as served:
        yield served


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return server.run("token", "--role", "operator").strip()


@pytest.fixture
async def operator(server: Server, token: str) -> AsyncIterator[Client]:
    async with httpx.AsyncClient(base_url=server.url) as http:
        yield Client(http, token)


def put_message(server: Server, message_type: str, payload: str) -> UUID:
    """As a booking leaves it; its key."""
    key = uuid4()
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    with closing(sqlite3.connect(database_of(server), timeout=10)) as connection, connection:
        connection.execute(
            "INSERT INTO outbox_messages (shard_key, id, aggregatetype, aggregateid, type, version, sequence, occurred_at, payload,"
            " status, attempts) VALUES (?, ?, 'reservation', ?, ?, 1, 1, ?, ?, 'PENDING', 4)",
            (uuid4().bytes, uuid4().bytes, str(key), message_type, now, payload),
        )
    return key


def database_of(server: Server) -> Path:
    [path] = [each for each in server.data_dir.iterdir() if each.name.endswith((".db", ".sqlite3")) and "mailbox" not in each.name]
    return path


async def letters(operator: Client, **which: Any) -> list[dict[str, Any]]:
    page = (await operator.ask(LIST, **({"status": "OPEN"} | which)))["operations"]["deadLetters"]
    return [edge["node"] for edge in page["edges"]]


async def letter_about(operator: Client, key: UUID) -> dict[str, Any]:
    """As soon as it has died."""
    until = time.monotonic() + 20
    while not (found := [letter for letter in await letters(operator, first=100) if letter["key"] == str(key)]):
        assert time.monotonic() < until
    [letter] = found
    return letter


async def test_a_message_the_broker_refuses_is_found_redriven_and_dies_again_under_another_letter(server: Server, operator: Client) -> None:
    key = put_message(server, "PaymentCompleted", "{ no JSON")
    letter = await letter_about(operator, key)
    assert letter | {"id": ""} == {
        "id": "",
        "origin": "OUTBOX",
        "status": "OPEN",
        "reason": "cannot be stored: JSONDecodeError",
        "tries": 5,
        "type": "PaymentCompleted",
        "key": str(key),
        "sequence": 1,
        "payload": "{ no JSON",
        "position": None,
        "excerpt": None,
        "endedBy": None,
        "note": None,
    }
    named = {"ids": [letter["id"]], "note": "다시"}
    done = [{"id": letter["id"], "problem": None, "letter": {"type": "PaymentCompleted"}}]
    assert (await operator.ask(REDRIVE, input=named))["redriveDeadLetters"] == {"dryRun": True, "outcomes": done}
    assert [each["id"] for each in await letters(operator) if each["key"] == str(key)] == [letter["id"]]
    assert (await operator.ask(REDRIVE, input=named | {"dryRun": False}))["redriveDeadLetters"] == {"dryRun": False, "outcomes": done}
    assert [each["id"] for each in await letters(operator, status="REDRIVEN")] == [letter["id"]]
    [redriven] = await letters(operator, status="REDRIVEN")
    assert (redriven["note"], len(redriven["endedBy"])) == ("다시", 36)
    again = (await operator.ask(REDRIVE, input=named | {"dryRun": False}))["redriveDeadLetters"]
    assert [outcome["problem"] for outcome in again["outcomes"]] == ["NOT_OPEN"]


async def test_poison_of_the_consumer_is_listed_and_discarded(server: Server, operator: Client) -> None:
    letter = await letter_about(operator, put_message(server, "Regret", '{"userId": 1}'))
    assert (letter["origin"], letter["reason"], letter["tries"]) == ("CONSUMER", "unknown type 'Regret' of version 1", 1)
    assert letter["position"].startswith("bookings/")
    listed = server.run("dead-letters", "list", "--type", "Regret")
    assert listed.startswith(letter["id"])
    asked = {"type": "Regret", "origin": "CONSUMER", "note": "nobody reads it", "dryRun": False}
    [outcome] = (await operator.ask(DISCARD, input=asked))["discardDeadLetters"]["outcomes"]
    assert (outcome["id"], outcome["problem"]) == (letter["id"], None)
    assert await letters(operator, type="Regret") == []
    [discarded] = await letters(operator, type="Regret", status="DISCARDED")
    assert discarded["note"] == "nobody reads it"


async def test_a_mended_reader_gets_what_it_could_not_read(server: Server, operator: Client) -> None:
    """Redriving puts it on the topic once more; here nobody has mended anything, so it is another letter."""
    key = put_message(server, "Unheard", "{}")
    first = await letter_about(operator, key)
    assert server.run("dead-letters", "redrive", "--type", "Unheard", "--limit", "1") == f"{first['id']}  Unheard  redriven\n"
    second = await letter_about(operator, key)
    assert second["id"] != first["id"]
    assert second["position"] != first["position"]


async def test_letters_come_page_by_page(server: Server, operator: Client) -> None:
    for number in range(3):
        await letter_about(operator, put_message(server, "Paged", f"{number}"))
    page = (await operator.ask(LIST, status="OPEN", type="Paged", first=2))["operations"]["deadLetters"]
    assert page["pageInfo"]["hasNextPage"] is True
    rest = await letters(operator, type="Paged", after=page["pageInfo"]["endCursor"])
    assert len({each["node"]["id"] for each in page["edges"]} | {each["id"] for each in rest}) == 3


@pytest.mark.parametrize(
    ("mutation", "wrong"),
    [
        (REDRIVE, {"ids": ["x"]}),
        (REDRIVE, {"limit": 0}),
        (REDRIVE, {"limit": 501}),
        (REDRIVE, {"note": "x" * 501}),
        (DISCARD, {"note": " "}),
        (REDRIVE, {"type": "x" * 61}),
    ],
)
async def test_wrong_input_is_told(operator: Client, mutation: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        await operator.ask(mutation, input=wrong)
    assert refused.value.codes == ["BAD_INPUT"]


async def test_dead_letters_are_for_operators(server: Server) -> None:
    fan = server.run("token").strip()
    async with httpx.AsyncClient(base_url=server.url) as http:
        for token, code in ((fan, "FORBIDDEN"), (None, "UNAUTHENTICATED")):
            client = Client(http, token)
            for question, more in ((LIST, {}), (REDRIVE, {"input": {}}), (DISCARD, {"input": {"note": "n"}})):
                with pytest.raises(Refused) as refused:
                    await client.ask(question, **more)
                assert refused.value.codes == [code]
