"""Early shedding: what a process cannot begin soon, it refuses at once."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import orjson
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from application.failures import EDGE, Shortage
from application.ports.metrics import Metrics
from entrypoints.graphql.wording import preferred_language, sentence

RETRY_AFTER_SECONDS = 1
TRY_AGAIN_LATER = 1013
RESPONSE_EXTENSION = "websocket.http.response"


class Shed(Exception):
    """There is no room for this request."""


class Room:
    """At most ``size`` at once; as many again may wait, and none longer than ``wait_seconds``."""

    def __init__(self, size: int, wait_seconds: float) -> None:
        self._size = size
        self._wait_seconds = wait_seconds
        self._free = asyncio.Semaphore(size)
        self.inside = 0
        self.waiting = 0

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """Raises Shed."""
        await self._enter()
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1
            self._free.release()

    async def _enter(self) -> None:
        if self._free.locked():
            if self.waiting >= self._size or self._wait_seconds <= 0:
                raise Shed
            self.waiting += 1
            try:
                async with asyncio.timeout(self._wait_seconds):
                    await self._free.acquire()
            except TimeoutError as late:
                raise Shed from late
            finally:
                self.waiting -= 1
        else:
            await self._free.acquire()


class Shedding:
    """Operations over HTTP and sockets have a room each; other paths (the probes first of all) are let through.

    A request is refused with 503, `Retry-After` and the error OVERLOADED in the shape of a GraphQL answer; a socket
    before its handshake.
    """

    def __init__(
        self, app: ASGIApp, *, paths: Collection[str], operations: int, wait_seconds: float, sockets: int, metrics: Metrics
    ) -> None:
        self._app = app
        self._paths = frozenset(paths)
        self._rooms = {"http": Room(operations, wait_seconds), "websocket": Room(sockets, 0.0)}
        self._metrics = metrics
        self._shortage = Shortage(metrics, EDGE, time.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        room = self._rooms.get(scope["type"])
        if room is None or scope["path"] not in self._paths:
            await self._app(scope, receive, send)
            return
        try:
            async with room.entered():
                await self._app(scope, receive, send)
        except Shed:
            self._metrics.count("concert_shed_total", kind=scope["type"])
            self._shortage.note()
            await _refuse(scope, receive, send)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket" and RESPONSE_EXTENSION not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": TRY_AGAIN_LATER, "reason": "Try again later"})
        return
    await _answer(Headers(scope=scope))(scope, receive, send)


def _answer(headers: Headers) -> Response:
    language = preferred_language(headers.get("accept-language", ""))
    extensions = {"code": "OVERLOADED", "retryAfterSeconds": RETRY_AFTER_SECONDS}
    content = {"errors": [{"message": sentence("OVERLOADED", language), "extensions": extensions}]}
    return Response(
        orjson.dumps(content),
        status_code=503,
        media_type="application/json",
        headers={"retry-after": str(RETRY_AFTER_SECONDS), "cache-control": "no-store"},
    )
