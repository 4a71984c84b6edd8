import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from adapters.sql.migrate import migrate
from tests.api.server import free_port
from tests.chaos.house import Ground
from tests.servers.databases import fresh_mysql_database

START_SECONDS = 100.0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long forms run only where they are asked for by their mark, whatever else a run selects."""
    if "chaos" in config.option.markexpr:
        return
    long = [item for item in items if item.get_closest_marker("chaos")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A migrated SQLite file that serves as a mould, and the providers' look-alikes in a process of their own."""
    directory = tmp_path_factory.mktemp("chaos")
    mould = directory / "mould.sqlite3"
    migrate_now(f"sqlite:///{mould}")
    port = free_port()
    command = [sys.executable, "-m", "entrypoints.command", "simulators", "--port", str(port), "--data-dir", str(directory / "providers")]
    with (directory / "providers.log").open("wb") as log:
        simulators = subprocess.Popen(command, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{url}/mailbox.json", simulators)
        yield Ground(
            database_url=f"sqlite:///{mould}", broker=mould, directory=directory, simulators=url, providers=directory / "providers"
        )
    finally:
        simulators.terminate()
        simulators.wait(START_SECONDS)


@pytest.fixture(scope="session")
def mysql_databases(mysql_url: str) -> Iterator[list[str]]:
    """Two, migrated: what runs side by side does not meet."""
    with fresh_mysql_database(mysql_url) as first, fresh_mysql_database(mysql_url) as second:
        for url in (first, second):
            migrate_now(url)
        yield [first, second]


def migrate_now(url: str) -> None:
    """In a thread, since a test's own loop may be running."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(migrate(url))).result()


def wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx.get(url, timeout=1.0)
            return
        except httpx.TransportError:
            assert process.poll() is None and time.monotonic() < until, "the providers' look-alikes did not start"
            time.sleep(0.05)
