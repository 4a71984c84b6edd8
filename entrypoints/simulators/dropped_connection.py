"""An answer that never comes: the TCP connection is closed under the server."""

import asyncio
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

PATIENCE = 5.0


class DroppedConnection(Response):
    """In place of a response. An ASGI application has no way to ask for this, so the socket itself is found and shut.

    The server then sees a client that has gone, and asks for no response.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for connection in _connections_of(scope["client"]):
            connection.shutdown(socket.SHUT_RDWR)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while (await receive())["type"] != "http.disconnect":
                    pass


def _connections_of(client: tuple[str, int]) -> Iterator[socket.socket]:
    """This process's sockets at whose other end the client is."""
    for descriptor in [int(entry.name) for entry in Path("/dev/fd").iterdir()]:
        with suppress(OSError):
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                continue
            with socket.socket(fileno=os.dup(descriptor)) as connection:
                if connection.getpeername()[:2] == tuple(client):
                    yield connection
