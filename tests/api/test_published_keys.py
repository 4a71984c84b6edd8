"""An outside issuer's keys, over HTTP: kept, asked for once however many ask, and never waited for long."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from entrypoints.published_keys import (
    BETWEEN_FETCHES_SECONDS,
    KEPT_SECONDS,
    KEPT_WHILE_AWAY_SECONDS,
    LARGEST,
    IssuersKeys,
)

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PATIENCE = 20.0
"""Seconds for an issuer that answers: a busy machine is the rule in a test run."""
IMPATIENCE = 0.5
"""For one that never does."""

Behaviour = Callable[["Issuer", asyncio.StreamWriter], Awaitable[None]]


def token(name: str | None) -> str:
    return jwt.encode({"sub": "ann"}, RSA_KEY, algorithm="RS256", headers={} if name is None else {"kid": name})


def published(*names: str) -> bytes:
    key = jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True)
    return json.dumps({"keys": [key | {"kid": name, "use": "sig"} for name in names]}).encode()


async def answering(issuer: "Issuer", writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (issuer.status, len(issuer.body)) + issuer.body)


async def silent(_: "Issuer", __: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def dripping(_: "Issuer", writer: asyncio.StreamWriter) -> None:
    """Always something, never all of it: no read times out."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await asyncio.sleep(0.02)


class Issuer:
    """What it publishes, how it answers, and how often it was asked; time passes only by ``now``."""

    def __init__(self) -> None:
        self.body, self.status, self.asked, self.now = published("one"), 200, 0, 0.0
        self.behave: Behaviour = answering
        self.heard = asyncio.Event()
        self.keys = IssuersKeys("")

    def open_at(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/"
        self.wait_for_it(PATIENCE)

    def wait_for_it(self, seconds: float) -> None:
        """With nothing known of it."""
        self.keys = IssuersKeys(self._url, lambda: self.now, fetch_seconds=seconds)

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            self.heard.set()
            await self.behave(self, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # who asked has hung up
        finally:
            writer.close()

    async def knows(self, name: str | None) -> bool:
        try:
            return (await self.keys.signing_key(token(name))).key_id == name
        except jwt.PyJWTError:
            return False


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    server = await asyncio.start_server(issuer.hear, "127.0.0.1", 0)
    issuer.open_at(server.sockets[0].getsockname()[1])
    yield issuer
    server.close()


async def test_a_hundred_who_ask_at_once_cost_one_request(issuer: Issuer) -> None:
    assert await asyncio.gather(*(issuer.knows("one") for _ in range(100))) == [True] * 100
    assert issuer.asked == 1


async def test_keys_are_kept_and_then_asked_for_anew(issuer: Issuer) -> None:
    assert await issuer.knows("one")
    issuer.now = KEPT_SECONDS
    assert await issuer.knows("one")
    assert issuer.asked == 1
    issuer.now, issuer.body = KEPT_SECONDS + 1, published("two")
    assert not await issuer.knows("one"), "it was withdrawn"
    assert issuer.asked == 2


async def test_forged_tokens_cost_the_issuer_nothing(issuer: Issuer) -> None:
    assert await issuer.knows("one")
    for number in range(50):
        assert not await issuer.knows(f"forged {number}")
    assert not await issuer.knows(None)
    assert issuer.asked == 1


async def test_a_new_key_is_known_seconds_after_it_is_published(issuer: Issuer) -> None:
    assert await issuer.knows("one")
    issuer.body = published("one", "two")
    assert not await issuer.knows("two")
    issuer.now = BETWEEN_FETCHES_SECONDS
    assert await issuer.knows("two")
    assert issuer.asked == 2


@pytest.mark.parametrize("behave", [silent, dripping])
async def test_an_issuer_that_does_not_come_to_an_end_holds_nobody_up(issuer: Issuer, behave: Behaviour) -> None:
    """All who wait hear at once: the second of them does not begin to wait when the first has given up."""
    issuer.behave = behave
    issuer.wait_for_it(IMPATIENCE)
    async with asyncio.timeout(25):
        assert await asyncio.gather(*(issuer.knows("one") for _ in range(100))) == [False] * 100
    assert issuer.asked <= 1


async def test_a_caller_who_goes_away_takes_nothing_from_the_others(issuer: Issuer) -> None:
    issuer.behave = silent
    first = asyncio.create_task(issuer.knows("one"))
    await issuer.heard.wait()
    others = [asyncio.create_task(issuer.knows("one")) for _ in range(10)]
    issuer.behave = answering
    first.cancel()
    assert await asyncio.gather(*others) == [True] * 10
    assert issuer.asked == 2


async def test_whose_key_is_known_does_not_wait_for_anothers_fetch(issuer: Issuer) -> None:
    assert await issuer.knows("one")
    issuer.heard.clear()
    issuer.behave, issuer.now = silent, KEPT_SECONDS + 1
    asking = asyncio.create_task(issuer.knows("one"))
    await issuer.heard.wait()
    assert await issuer.knows("one")
    assert not asking.done()
    asking.cancel()


async def test_who_was_known_before_is_known_while_the_issuer_is_away_for_an_hour(issuer: Issuer) -> None:
    assert await issuer.knows("one")
    issuer.status = 503
    issuer.now = KEPT_SECONDS + 1
    assert await issuer.knows("one")
    issuer.now = KEPT_WHILE_AWAY_SECONDS
    assert await issuer.knows("one")
    issuer.now = KEPT_WHILE_AWAY_SECONDS + 1
    assert not await issuer.knows("one")
    issuer.status, issuer.now = 200, KEPT_WHILE_AWAY_SECONDS + 100
    assert await issuer.knows("one")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"out of order"),
        (200, b"<html>"),
        (200, b"\xff\xfe"),
        (200, b"[]"),
        (200, b'{"keys": 7}'),
        (200, b'{"keys": ["one"]}'),
        (200, b'{"keys": []}'),
        (200, published("one") + b" " * LARGEST),
    ],
)
async def test_an_answer_that_is_no_set_of_keys_changes_nothing(issuer: Issuer, status: int, body: bytes) -> None:
    good = issuer.body
    issuer.status, issuer.body = status, body
    assert not await issuer.knows("one")
    issuer.status, issuer.body, issuer.now = 200, good, BETWEEN_FETCHES_SECONDS
    assert await issuer.knows("one")
    issuer.status, issuer.body, issuer.now = status, body, KEPT_SECONDS + 100
    assert await issuer.knows("one")
    assert issuer.asked == 3


async def test_a_token_that_is_none_is_refused_without_asking(issuer: Issuer) -> None:
    for text in ("", "a.b.c", "eyJhbGciOiJSUzI1NiIsImtpZCI6WzFdfQ.e30.AA"):
        with pytest.raises(jwt.PyJWTError):
            await issuer.keys.signing_key(text)
    assert issuer.asked == 0
