"""Fixtures of the real servers, for tests and features; a server that cannot be had fails what asks for it."""

from collections.abc import Iterator

import pytest

from tests.servers.databases import fresh_mysql_database
from tests.servers.provider import provided

REAL = {"mysql_url", "redis_url", "kafka_bootstrap"}


@pytest.fixture(scope="session")
def mysql_url() -> Iterator[str]:
    """A MySQL server, as `mysql://root@host:port/`."""
    with provided("TEST_MYSQL_URL") as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis server, as `redis://host:port/0`."""
    with provided("TEST_REDIS_URL") as url:
        yield url


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """A Kafka broker, as `host:port`; it creates no topic by itself."""
    with provided("TEST_KAFKA_BOOTSTRAP") as bootstrap:
        yield bootstrap


@pytest.fixture
def mysql_database(mysql_url: str) -> Iterator[str]:
    """An empty database of the test's own."""
    with fresh_mysql_database(mysql_url) as url:
        yield url


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for a real server by name; one that asks at run time has to carry the mark itself."""
    for item in items:
        if REAL.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.real)
