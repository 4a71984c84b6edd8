"""The client says what the protocols ask for, and tells what passes from what does not."""

import socket
import time

import pytest
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.websockets import WebSocket

from entrypoints.rehearsal.client import GraphQLClient, RequestRefused, ServerUnreachable, SocketLost
from tests.rehearsal.conftest import Script


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/graphql"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/graphql"),
        ("https://tickets.example/shop/graphql", "https://tickets.example/shop/graphql"),
        ("localhost:8000", "http://localhost:8000/graphql"),
    ],
)
async def test_the_address_of_a_server(given: str, url: str) -> None:
    async with GraphQLClient(given) as client:
        assert client.url == url


async def test_a_question_and_its_answer(script: Script) -> None:
    script.answer({"ok": 1})
    async with GraphQLClient(script.url) as client:
        answer = await client.ask("query Q($a: Int) { ok }", {"a": 7}, token="abc")
    assert answer.data == {"ok": 1}
    assert 0 < answer.seconds < 5
    assert script.asked == [({"query": "query Q($a: Int) { ok }", "variables": {"a": 7}}, "Bearer abc")]


async def test_a_busy_server_is_asked_again(script: Script) -> None:
    script.answers.append(JSONResponse({"errors": []}, status_code=429, headers={"retry-after": "1"}))
    script.answers.append(JSONResponse({"errors": [{"message": "later", "extensions": {"code": "OVERLOADED"}}]}))
    script.answer({"ok": 1})
    started = time.monotonic()
    async with GraphQLClient(script.url) as client:
        answer = await client.ask("{ ok }")
        assert client.repeated == 2
    assert answer.data == {"ok": 1}
    assert time.monotonic() - started >= 1
    assert len(script.asked) == 3


async def test_a_server_that_stays_busy(script: Script) -> None:
    script.answers += [PlainTextResponse("no", status_code=503)] * 3
    async with GraphQLClient(script.url) as client:
        with pytest.raises(ServerUnreachable, match="HTTP 503"):
            await client.ask("{ ok }", tries=3)
    assert len(script.asked) == 3


async def test_an_error_is_not_asked_again(script: Script) -> None:
    script.answers.append(JSONResponse({"errors": [{"message": "who?", "extensions": {"code": "UNAUTHENTICATED"}}], "data": None}))
    async with GraphQLClient(script.url) as client:
        with pytest.raises(RequestRefused, match="UNAUTHENTICATED: who") as refused:
            await client.ask("{ ok }")
    assert refused.value.code == "UNAUTHENTICATED"
    assert len(script.asked) == 1


async def test_something_else_than_graphql(script: Script) -> None:
    script.answers.append(PlainTextResponse("<html>"))
    async with GraphQLClient(script.url) as client:
        with pytest.raises(RequestRefused, match="NOT_GRAPHQL"):
            await client.ask("{ ok }")


async def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with GraphQLClient(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(ServerUnreachable):
            await client.ask("{ ok }", tries=2)
        with pytest.raises(SocketLost):
            await anext(client.news("subscription { n }", {}, token="abc"))


async def test_news_until_they_end(script: Script) -> None:
    heard = []

    async def play(server: WebSocket) -> None:
        heard.append(await server.receive_json())
        await server.send_json({"type": "connection_ack"})
        heard.append(await server.receive_json())
        await server.send_json({"type": "next", "id": "1", "payload": {"data": {"n": 1}}})
        await server.send_json({"type": "ping"})
        heard.append(await server.receive_json())
        await server.send_json({"type": "next", "id": "1", "payload": {"data": {"n": 2}}})
        await server.send_json({"type": "complete", "id": "1"})

    script.play = play
    async with GraphQLClient(script.url) as client:
        news = [message async for message in client.news("subscription S { n }", {"a": 7}, token="abc")]
    assert news == [{"n": 1}, {"n": 2}]
    assert heard == [
        {"type": "connection_init", "payload": {"authorization": "Bearer abc"}},
        {"type": "subscribe", "id": "1", "payload": {"query": "subscription S { n }", "variables": {"a": 7}}},
        {"type": "pong"},
    ]


async def test_news_that_break_off(script: Script) -> None:
    async def play(server: WebSocket) -> None:
        await acknowledge(server)
        await server.send_json({"type": "next", "id": "1", "payload": {"data": {"n": 1}}})
        await server.close(1012, "restarting")

    script.play = play
    async with GraphQLClient(script.url) as client:
        news = client.news("subscription S { n }", {}, token="abc")
        assert await anext(news) == {"n": 1}
        with pytest.raises(SocketLost, match="restarting"):
            await anext(news)


async def test_news_that_end_politely_but_early(script: Script) -> None:
    async def play(server: WebSocket) -> None:
        await acknowledge(server)
        await server.close(1000)

    script.play = play
    async with GraphQLClient(script.url) as client:
        with pytest.raises(SocketLost, match="closed by the server: 1000"):
            await anext(client.news("subscription S { n }", {}, token="abc"))


async def test_news_that_are_refused(script: Script) -> None:
    async def play(server: WebSocket) -> None:
        await acknowledge(server)
        error = {"message": "no", "extensions": {"code": "QUEUE_TOKEN_INVALID"}}
        await server.send_json({"type": "error", "id": "1", "payload": [error]})
        await server.receive()

    script.play = play
    async with GraphQLClient(script.url) as client:
        with pytest.raises(RequestRefused, match="QUEUE_TOKEN_INVALID"):
            await anext(client.news("subscription S { n }", {}, token="abc"))


async def acknowledge(server: WebSocket) -> None:
    await server.receive_json()
    await server.send_json({"type": "connection_ack"})
    await server.receive_json()
