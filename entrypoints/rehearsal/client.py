"""A GraphQL client as a fan's browser is one: HTTP for questions, graphql-transport-ws for news."""

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

CONNECTIONS = 100
"""Requests under way at once, and handshakes of sockets at once."""
TRIES = 8
LONGEST_WAIT = 5.0
PATIENCE = httpx.Timeout(connect=5.0, read=20.0, write=5.0, pool=5.0)
ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=3.0)
"""Servers close a connection that rests (uvicorn after 5 seconds): it is not used again so late that both meet."""
HANDSHAKE = 15.0
"""Seconds for a socket to open and be acknowledged."""
_PASSING_STATUSES = {429, 502, 503, 504}
_PASSING_CODES = {"RATE_LIMITED", "OVERLOADED"}
_SUBPROTOCOL = Subprotocol("graphql-transport-ws")


class ServerUnreachable(Exception):
    """No answer, however often it was asked."""


class SocketLost(Exception):
    """The socket did not open, or ended before the subscription did."""


class RequestRefused(Exception):
    """An entry of the top-level `errors`: the request itself was at fault, or the server was."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class _Passing(Exception):
    """The server is too busy just now; ``wait`` is what it asks for, in seconds."""

    def __init__(self, detail: str, wait: float | None) -> None:
        super().__init__(detail)
        self.wait = wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``seconds`` from the first time it was sent, repeats included, the wait for a free connection excluded."""

    data: dict[str, Any]
    seconds: float


class GraphQLClient:
    """Speaks to one server for all fans, through a bounded pool, and asks again what may pass."""

    def __init__(self, url: str, *, connections: int = CONNECTIONS) -> None:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        path = parts.path.rstrip("/").removesuffix("/graphql") + "/graphql"
        self.url = urlunsplit(parts._replace(path=path, query="", fragment=""))
        self._socket_url = urlunsplit(parts._replace(scheme={"http": "ws", "https": "wss"}[parts.scheme], path=path, query="", fragment=""))
        # A client for each connection: one pool of many looks through all of them at each request, and would be the
        # slowest part of what is measured. No proxy of the environment: what is rehearsed is the server at this address.
        tls = httpx.create_ssl_context(trust_env=False)
        self._clients = [httpx.AsyncClient(verify=tls, timeout=PATIENCE, limits=ONE, trust_env=False) for _ in range(connections)]
        self._free: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        for client in self._clients:
            self._free.put_nowait(client)
        self._handshakes = asyncio.Semaphore(connections)
        self.repeated = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await asyncio.gather(*(client.aclose() for client in self._clients))

    async def ask(
        self, document: str, variables: Mapping[str, Any] | None = None, *, token: str | None = None, tries: int = TRIES
    ) -> Answer:
        """Raises RequestRefused, or ServerUnreachable after that many tries."""
        http = await self._free.get()
        try:
            started = time.monotonic()
            data = await self._ask(http, document, variables, token, tries)
            return Answer(data=data, seconds=time.monotonic() - started)
        finally:
            self._free.put_nowait(http)

    async def _ask(
        self, http: httpx.AsyncClient, document: str, variables: Mapping[str, Any] | None, token: str | None, tries: int
    ) -> dict[str, Any]:
        attempt = 1
        while True:
            try:
                return await self._post(http, document, variables, token)
            except _Passing as passing:
                if attempt >= tries:
                    raise ServerUnreachable(f"{self.url}: {passing}") from passing
                self.repeated += 1
                await asyncio.sleep(_backoff(attempt, passing.wait))
                attempt += 1

    async def _post(self, http: httpx.AsyncClient, document: str, variables: Mapping[str, Any] | None, token: str | None) -> dict[str, Any]:
        body = json.dumps({"query": document, "variables": dict(variables or {})})
        headers = {"content-type": "application/json", "accept": "application/json", **_authorization(token)}
        try:
            response = await http.post(self.url, content=body, headers=headers)
        except httpx.TransportError as lost:
            raise _Passing(str(lost) or type(lost).__name__, None) from lost
        wait = _seconds(response.headers.get("retry-after"))
        if response.status_code in _PASSING_STATUSES:
            raise _Passing(f"HTTP {response.status_code}", wait)
        try:
            answer = response.json()
        except ValueError as no_json:
            raise RequestRefused("NOT_GRAPHQL", f"HTTP {response.status_code} without JSON from {self.url}") from no_json
        return _data_of(answer, wait)

    async def news(self, document: str, variables: Mapping[str, Any], *, token: str) -> AsyncGenerator[dict[str, Any], None]:
        """What the subscription says until it completes, through a socket of its own. Raises RequestRefused, or SocketLost."""
        try:
            socket = await self._open(token)
        except (OSError, TimeoutError, WebSocketException) as lost:
            raise SocketLost(f"{self._socket_url}: {str(lost) or type(lost).__name__}") from lost
        try:
            async with socket:
                await _send(socket, type="subscribe", id="1", payload={"query": document, "variables": dict(variables)})
                async for raw in socket:
                    message = json.loads(raw)
                    match message["type"]:
                        case "next":
                            yield _data_of(message["payload"], None)
                        case "error":
                            _data_of({"errors": message["payload"]}, None)
                        case "ping":
                            await _send(socket, type="pong")
                        case "complete":
                            return
            raise SocketLost(f"closed by the server: {socket.close_code} {socket.close_reason}")
        except (OSError, WebSocketException, _Passing) as lost:
            raise SocketLost(str(lost)) from lost

    async def _open(self, token: str) -> ClientConnection:
        async with self._handshakes, asyncio.timeout(HANDSHAKE):
            socket = await connect(
                self._socket_url, subprotocols=[_SUBPROTOCOL], compression=None, open_timeout=HANDSHAKE, close_timeout=2, proxy=None
            )
            try:
                await _send(socket, type="connection_init", payload=_authorization(token))
                while json.loads(await socket.recv())["type"] != "connection_ack":
                    pass
            except BaseException:
                await socket.close()
                raise
            return socket


async def _send(socket: ClientConnection, **message: object) -> None:
    await socket.send(json.dumps(message))


def _authorization(token: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"} if token else {}


def _data_of(answer: Any, wait: float | None) -> dict[str, Any]:
    """Raises RequestRefused with the first error's code, or _Passing where the server only asks for patience."""
    if not isinstance(answer, dict):
        raise RequestRefused("NOT_GRAPHQL", "the answer is no object")
    if errors := answer.get("errors"):
        first = errors[0]
        code = first.get("extensions", {}).get("code", "UNKNOWN")
        if code in _PASSING_CODES:
            raise _Passing(code, wait)
        raise RequestRefused(code, first.get("message", ""))
    data = answer.get("data")
    if not isinstance(data, dict):
        raise RequestRefused("NOT_GRAPHQL", "neither data nor errors")
    return data


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.isdecimal() else None


def _backoff(attempt: int, asked: float | None) -> float:
    """Exponential with full jitter; what the server asks for is its least."""
    own = random.random() * min(LONGEST_WAIT, 0.1 * 2.0**attempt)
    return min(LONGEST_WAIT, own + (asked or 0.0))
