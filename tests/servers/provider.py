"""Which servers a run uses: those that the environment names, and its own for the rest."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from tests.servers.containers import engine_answers
from tests.servers.kafka import KafkaServer, kafka_libraries
from tests.servers.mysql import MysqlServer, mysql_root
from tests.servers.redis import RedisServer, require_redis
from tests.servers.server import Server

KINDS: dict[str, type[Server]] = {"TEST_MYSQL_URL": MysqlServer, "TEST_REDIS_URL": RedisServer, "TEST_KAFKA_BOOTSTRAP": KafkaServer}


@contextmanager
def provided(variable: str) -> Iterator[str]:
    """Lend the server of one kind: the named one, else one that lives as long as this lasts."""
    named = os.environ.get(variable)
    if named:
        yield named
    else:
        with KINDS[variable].started() as server:
            yield server.url


@contextmanager
def all_provided() -> Iterator[dict[str, str]]:
    """Lend all three, started side by side."""
    missing = {variable: kind() for variable, kind in KINDS.items() if not os.environ.get(variable)}
    with ExitStack() as stack:
        for server in missing.values():
            stack.callback(server.remove)
        with ThreadPoolExecutor(max_workers=len(KINDS)) as pool:
            for started in [pool.submit(server.start) for server in missing.values()]:
                started.result()
        yield {variable: os.environ.get(variable) or missing[variable].url for variable in KINDS}


def prepare() -> None:
    """Download what the native recipes need, so that a later start takes seconds."""
    if engine_answers():
        return
    mysql_root()
    require_redis()
    kafka_libraries()
