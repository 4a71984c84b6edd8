"""A plain client of the public API: GraphQL over HTTP, and subscriptions over graphql-transport-ws."""

import itertools
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

PATIENCE = 15.0
"""Seconds within which the server has to answer anything."""
SHORTLY_KEPT = httpx.Limits(keepalive_expiry=1.0)
"""Connections that rest are given up before the server gives them up, which it does after five seconds."""


class Refused(Exception):
    """The server answered with top-level errors."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(json.dumps(errors, ensure_ascii=False))
        self.errors = errors

    @property
    def extensions(self) -> dict[str, Any]:
        """What the first error tells programs."""
        extensions: dict[str, Any] = self.errors[0].get("extensions") or {}
        return extensions


@dataclass(frozen=True, slots=True)
class Answer:
    """The member of a result union: which one it is, and its fields."""

    typename: str
    fields: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]


class GraphqlClient:
    """Speaks to one server; threads may share it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False, limits=SHORTLY_KEPT)

    def close(self) -> None:
        self._http.close()

    def ask(self, document: str, variables: Mapping[str, Any] | None = None, bearer: str | None = None) -> dict[str, Any]:
        """The data of the answer. Raises Refused when there are errors."""
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        response = self._http.post("/graphql", json={"query": document, "variables": dict(variables or {})}, headers=headers)
        body = response.json()
        if body.get("errors"):
            raise Refused(body["errors"])
        data: dict[str, Any] = body["data"]
        return data

    def mutate(self, document: str, variables: Mapping[str, Any], bearer: str | None) -> Answer:
        """The answer of a document with one field whose type is a result union."""
        (fields,) = self.ask(document, variables, bearer).values()
        return Answer(typename=fields["__typename"], fields=fields)

    def subscribe(self, document: str, variables: Mapping[str, Any], bearer: str | None) -> "Subscription":
        """A subscription on a socket of its own, acknowledged by the server."""
        socket = connect(
            f"{self._url.replace('http', 'ws', 1)}/graphql",
            subprotocols=[Subprotocol("graphql-transport-ws")],
            open_timeout=PATIENCE,
            close_timeout=1,
            proxy=None,
            legacy=True,  # one connection, opened and closed by hand
        )
        if not isinstance(socket, ClientConnection):
            raise TypeError(f"{type(socket).__name__} is no connection")
        return Subscription.opened(socket, document, variables, bearer)


@dataclass(slots=True)
class Subscription:
    """One operation on one socket. ``seen`` keeps every value that has been read, oldest first."""

    socket: ClientConnection
    seen: list[dict[str, Any]] = field(default_factory=list)
    complete: bool = False

    @classmethod
    def opened(cls, socket: ClientConnection, document: str, variables: Mapping[str, Any], bearer: str | None) -> "Subscription":
        init = {"type": "connection_init", "payload": {"authorization": f"Bearer {bearer}"} if bearer else {}}
        socket.send(json.dumps(init))
        acknowledged = json.loads(socket.recv(timeout=PATIENCE))
        if acknowledged["type"] != "connection_ack":
            raise AssertionError(f"not acknowledged: {acknowledged}")
        socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": document, "variables": dict(variables)}}))
        return cls(socket)

    def next(self, within: float) -> dict[str, Any] | None:
        """The next value; None when the operation is complete. Raises TimeoutError, Refused, ConnectionClosed."""
        deadline = time.monotonic() + within
        while not self.complete:
            message = json.loads(self.socket.recv(timeout=max(0.0, deadline - time.monotonic())))
            match message["type"]:
                case "next":
                    if message["payload"].get("errors"):
                        raise Refused(message["payload"]["errors"])
                    (value,) = message["payload"]["data"].values()
                    self.seen.append(value)
                    return self.seen[-1]
                case "error":
                    raise Refused(message["payload"])
                case "complete":
                    self.complete = True
                case "ping":
                    self.socket.send(json.dumps({"type": "pong"}))
        return None

    def until_complete(self, within: float) -> list[dict[str, Any]]:
        """Every value up to the end of the operation."""
        deadline = time.monotonic() + within
        while self.next(max(0.0, deadline - time.monotonic())) is not None:
            pass
        return self.seen

    def close(self) -> None:
        """A socket whose server was killed has nothing left to close."""
        with suppress(ConnectionClosed, OSError):
            self.socket.close()


_numbers = itertools.count(1)


def fresh_key(intent: str) -> str:
    """An idempotency key for one intent."""
    return f"{intent}-{time.time_ns()}-{next(_numbers)}"
