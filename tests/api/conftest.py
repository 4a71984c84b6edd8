from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.api.client import Client
from tests.api.server import Server, serving


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One `concert serve` for all tests that do not end it."""
    with serving(tmp_path_factory.mktemp("serve") / "data", ALIMTALK_WEBHOOK_SECRET="chosen") as served:
        yield served


@pytest.fixture
async def http(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, limits=httpx.Limits(max_connections=200, keepalive_expiry=2.0)) as client:
        yield client


@pytest.fixture(scope="package")
def operator_token(server: Server) -> str:
    return server.run("token", "--role", "operator").strip()


@pytest.fixture
def operator(http: httpx.AsyncClient, operator_token: str) -> Client:
    return Client(http, operator_token)
