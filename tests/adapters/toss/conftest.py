"""A simulated gateway over real HTTP, a receiver of its webhooks, and a server that misbehaves as it is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.server import ServerState

from adapters.toss.gateway import TossPaymentGateway
from application.ports.payment_gateway import CancelRequest, ConfirmRequest
from domain.money import Won
from entrypoints.simulators.toss import create_toss_app

SECRET = "test_sk_simulated"
ORDER = "order-000001"


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    """Its address. Uvicorn's protocol without its server, which takes a fifth of a second to stop."""
    config, state = uvicorn.Config(app, log_level="critical"), ServerState()
    config.load()

    def connect() -> asyncio.Protocol:
        protocol: asyncio.Protocol = config.http_protocol_class(config=config, server_state=state, app_state={})  # type: ignore[call-arg]
        return protocol

    async with app.router.lifespan_context(app):
        server = await asyncio.get_running_loop().create_server(connect, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for connection in list(state.connections):
                connection.shutdown()
            for task in list(state.tasks):
                task.cancel()
            await asyncio.gather(*state.tasks, return_exceptions=True)


class Time:
    """As it stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2030, 5, 1, 11, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **span: float) -> None:
        self.now += timedelta(**span)


class Simulator:
    """Its switches."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.AsyncClient(base_url=url, trust_env=False, timeout=10, verify=False)

    async def checkout(self, order_id: str = ORDER, amount: int = 50_000, **card: Any) -> str:
        return str((await self.post("checkout", {"orderId": order_id, "amount": amount, **card}))["paymentKey"])

    async def set(self, kind: str, **fault: Any) -> None:
        await self.post("faults", {"kind": kind, **fault})

    async def post(self, name: str, body: Any) -> Any:
        response = await self._http.post(f"/simulator/toss/{name}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def get(self, name: str, **parameters: Any) -> Any:
        return (await self._http.get(f"/simulator/toss/{name}", params=parameters)).raise_for_status().json()

    async def charges(self) -> list[tuple[str, str, int, int]]:
        payments = (await self.get("payments.json"))["payments"]
        return [(one["orderId"], one["status"], one["totalAmount"], one["balanceAmount"]) for one in payments]

    async def statuses(self, state: str) -> list[int | None]:
        """What the newest webhook was answered with, once it is in this state."""
        for _ in range(200):
            newest = (await self.get("webhooks.json"))["webhooks"][0]
            if newest["state"] == state:
                return list(newest["statuses"])
            await asyncio.sleep(0.02)
        raise AssertionError(state)

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Past the adapter."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self._http.request(method, path, json=body, headers=given, auth=None if "authorization" in given else (SECRET, ""))

    async def close(self) -> None:
        await self._http.aclose()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def simulator(tmp_path: Path, time: Time) -> AsyncIterator[Simulator]:
    async with serving(create_toss_app(tmp_path / "toss.sqlite3", secret_key=SECRET, now=time)) as url:
        simulator = Simulator(url)
        yield simulator
        await simulator.close()


def gateway_at(url: str, **settings: Any) -> TossPaymentGateway:
    return TossPaymentGateway(
        url, SECRET, **{"connect_seconds": 1.0, "read_seconds": 2.0, "total_seconds": 3.0, "look_up_seconds": 2.0, **settings}
    )


@pytest.fixture
async def gateway(simulator: Simulator) -> AsyncIterator[TossPaymentGateway]:
    gateway = gateway_at(simulator.url)
    yield gateway
    await gateway.close()


def confirmation(payment_key: str, *, order_id: str = ORDER, amount: int = 50_000, key: str = "confirm:1") -> ConfirmRequest:
    return ConfirmRequest(order_id=order_id, payment_key=payment_key, amount=Won(amount), idempotency_key=key)


def cancellation(
    payment_key: str, *, order_id: str = ORDER, amount: int = 50_000, key: str = "cancel:1", reason: str = "공연 취소"
) -> CancelRequest:
    return CancelRequest(order_id=order_id, payment_key=payment_key, amount=Won(amount), reason=reason, idempotency_key=key)


class Receiver:
    """Takes webhooks; ``answers`` are the statuses it says next, then 200."""

    def __init__(self) -> None:
        self.url = ""
        self.got: list[tuple[str, str, int, str]] = []
        """Order, status, retried count, transmission id."""
        self.answers: list[int] = []
        self._came = asyncio.Event()

    async def take(self, request: Request) -> Response:
        body = await request.json()
        assert body["eventType"] == "PAYMENT_STATUS_CHANGED"
        headers = request.headers
        retried = int(headers["tosspayments-webhook-transmission-retried-count"])
        self.got.append((body["data"]["orderId"], body["data"]["status"], retried, headers["tosspayments-webhook-transmission-id"]))
        self._came.set()
        return Response(status_code=self.answers.pop(0) if self.answers else 200)

    async def has(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.got) < count:
                self._came.clear()
                await self._came.wait()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with serving(Starlette(routes=[Route("/webhook", receiver.take, methods=["POST"])])) as url:
        receiver.url = f"{url}/webhook"
        yield receiver


@asynccontextmanager
async def misbehaving(behave: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """A TCP server that does so with each connection."""
    connections: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await behave(reader, writer)
        finally:
            writer.close()
            connections.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
