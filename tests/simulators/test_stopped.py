"""What the providers' process does about a request that came while it was stopped."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from entrypoints.settings import SIMULATED_TOSS_KEY
from entrypoints.simulators.together import TOSS_PATH
from features.worlds.providers import Providers
from tests.servers.ports import free_port

ORDER = "order-000001"
UVICORNS_KEEP_ALIVE = 5.0


@pytest.fixture
def providers(tmp_path: Path) -> Iterator[Providers]:
    providers = Providers.at(free_port(), tmp_path)
    providers.start()
    try:
        yield providers
    finally:
        providers.discard()


def test_who_has_hung_up_by_then_is_charged_all_the_same(providers: Providers) -> None:
    """The worst that a card gateway can do: a charge that nobody hears of, on a connection that was idle before."""
    with httpx.Client(base_url=providers.url, auth=(SIMULATED_TOSS_KEY, ""), trust_env=False) as http:
        key = http.post("/simulator/toss/checkout", json={"orderId": ORDER, "amount": 50_000}).json()["paymentKey"]
        assert _status(http) == "IN_PROGRESS"
        providers.pause()
        with pytest.raises(httpx.ReadTimeout):
            http.post(f"{TOSS_PATH}/v1/payments/confirm", json={"paymentKey": key, "orderId": ORDER, "amount": 50_000}, timeout=0.1)
        time.sleep(UVICORNS_KEEP_ALIVE + 0.5)
        providers.start()
        deadline = time.monotonic() + 2.0
        while _status(http) != "DONE":
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _status(http: httpx.Client) -> str:
    status: str = http.get(f"{TOSS_PATH}/v1/payments/orders/{ORDER}").json()["status"]
    return status
