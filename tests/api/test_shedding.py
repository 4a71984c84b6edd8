"""What does not fit is refused at once, in the shape of a GraphQL answer, and the probes always answer."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from entrypoints.shedding import Shedding
from tests.api.server import serving
from tests.contracts.circuits import Counted

OVERLOADED = {
    "errors": [
        {
            "message": "There is too much going on. Please try again shortly.",
            "extensions": {"code": "OVERLOADED", "retryAfterSeconds": 1},
        }
    ]
}


class Busy:
    """Answers when it is let to."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.inside = self.peak = self.served = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.inside += 1
        self.peak = max(self.peak, self.inside)
        try:
            if scope["path"] == "/graphql":
                await self.let.wait()
            if scope["path"] == "/broken":
                raise LookupError
        finally:
            self.inside -= 1
        self.served += 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"served"})


class Edge:
    def __init__(self, *, operations: int = 2, wait_seconds: float = 0.1, sockets: int = 1) -> None:
        self.app, self.metrics = Busy(), Counted()
        self.shedding = Shedding(
            self.app,
            paths=("/graphql", "/broken"),
            operations=operations,
            wait_seconds=wait_seconds,
            sockets=sockets,
            metrics=self.metrics,
        )
        self.browser = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.shedding), base_url="http://edge", headers={"accept-language": "en"}
        )

    async def ask(self, path: str = "/graphql") -> httpx.Response:
        return await self.browser.post(path)


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    edge = Edge()
    yield edge
    await edge.browser.aclose()


async def test_what_cannot_begin_soon_is_refused(edge: Edge) -> None:
    asked = [asyncio.create_task(edge.ask()) for _ in range(4)]
    await asyncio.sleep(0.02)
    began = time.monotonic()
    fifth = await edge.ask()  # two are served, two wait: there is no room to wait in
    assert time.monotonic() - began < 0.05
    assert (fifth.status_code, fifth.headers["retry-after"], fifth.json()) == (503, "1", OVERLOADED)
    assert fifth.headers["content-type"] == "application/json"
    await asyncio.sleep(0.15)
    edge.app.let.set()
    assert [each.status_code for each in await asyncio.gather(*asked)] == [200, 200, 503, 503]
    assert (edge.app.peak, edge.app.served) == (2, 2)
    assert edge.metrics.counts["concert_shed_total", "http"] == 3
    assert (await edge.ask()).text == "served"


async def test_who_waits_a_moment_is_served_in_turn(edge: Edge) -> None:
    asked = [asyncio.create_task(edge.ask()) for _ in range(4)]
    await asyncio.sleep(0.02)
    edge.app.let.set()
    assert [each.status_code for each in await asyncio.gather(*asked)] == [200] * 4
    assert edge.app.peak == 2
    assert edge.metrics.counts == {}


async def test_the_probes_are_answered_however_full_it_is(edge: Edge) -> None:
    asked = [asyncio.create_task(edge.ask()) for _ in range(10)]
    await asyncio.sleep(0.02)
    assert (await edge.ask("/healthz")).text == "served"
    edge.app.let.set()
    await asyncio.gather(*asked)


async def test_who_gives_up_and_what_breaks_leave_their_room(edge: Edge) -> None:
    for _ in range(5):
        with pytest.raises(LookupError):
            await edge.ask("/broken")
    asked = [asyncio.create_task(edge.ask()) for _ in range(4)]
    await asyncio.sleep(0.02)
    for each in asked:
        each.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    edge.app.let.set()
    assert [(await edge.ask()).status_code for _ in range(3)] == [200] * 3
    room = edge.shedding._rooms["http"]
    assert (room.inside, room.waiting) == (0, 0)


@pytest.mark.parametrize("can_answer", [True, False])
async def test_a_socket_too_many_is_refused_before_its_handshake(edge: Edge, can_answer: bool) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "websocket", "path": "/graphql", "headers": [(b"accept-language", b"en")]}
    if can_answer:
        scope["extensions"] = {"websocket.http.response": {}}
    first = asyncio.create_task(edge.shedding(dict(scope), receive, send))
    await asyncio.sleep(0)
    await edge.shedding(dict(scope), receive, send)
    if can_answer:
        assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 503)
        assert (b"retry-after", b"1") in sent[0]["headers"]
    else:
        assert sent == [{"type": "websocket.close", "code": 1013, "reason": "Try again later"}]
    assert edge.metrics.counts == {("concert_shed_total", "websocket"): 1, ("concert_failures_total", "edge", "lack_of_resource"): 1}
    # Sockets take no room from operations.
    edge.app.let.set()
    assert (await edge.ask()).status_code == 200
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


async def test_a_process_refuses_the_socket_it_has_no_room_for(tmp_path: Path) -> None:
    with serving(tmp_path / "data", MAX_SOCKETS="1") as server:
        address = f"{server.url.replace('http', 'ws')}/graphql"
        protocol = Subprotocol("graphql-transport-ws")
        async with connect(address, subprotocols=[protocol]):
            with pytest.raises(InvalidStatus) as refused:
                await connect(address, subprotocols=[protocol])
        response = refused.value.response
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        async with httpx.AsyncClient(trust_env=False) as browser:
            exposition = (await browser.get(f"{server.url}/metrics")).text
        assert 'concert_shed_total{kind="websocket"} 1.0' in exposition
