"""A server of two routes that says what a test tells it to."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket


class Script:
    """``answers`` go to one POST after another, ``play`` talks to each socket. What was asked is kept."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[Response] = []
        self.asked: list[tuple[dict[str, Any], str | None]] = []
        self.play: Callable[[WebSocket], Awaitable[None]] | None = None

    def answer(self, data: dict[str, Any]) -> None:
        self.answers.append(JSONResponse({"data": data}))

    async def on_post(self, request: Request) -> Response:
        self.asked.append((await request.json(), request.headers.get("authorization")))
        return self.answers.pop(0)

    async def on_socket(self, websocket: WebSocket) -> None:
        await websocket.accept("graphql-transport-ws")
        assert self.play is not None
        await self.play(websocket)


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    script = Script()
    app = Starlette(routes=[Route("/graphql", script.on_post, methods=["POST"]), WebSocketRoute("/graphql", script.on_socket)])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        script.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="websockets-sansio"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield script
        finally:
            server.should_exit = True
            await serving
