"""Connecting to a Redis server, and knowing whether it is still the one it was."""

from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost

from adapters.redis.errors import RedisSettingsError
from adapters.redis.store import RedisStore

SUPPORTED = ("redis", "rediss", "unix")


def connect(url: str, *, connections: int = 8, timeout_seconds: float = 0.5) -> RedisStore:
    """A store over a standalone server. Connects when it is first used. Raises RedisSettingsError.

    Nothing is retried down here: a repeated write is a second write, and the callers know what may be repeated.
    """
    scheme = urlsplit(url).scheme
    if scheme not in SUPPORTED:
        supported = ", ".join(f"{one}://" for one in SUPPORTED)
        raise RedisSettingsError(f"cannot connect to {scheme or 'an address without scheme'}://…; supported are {supported}")
    lineage = Lineage()
    pool: BlockingConnectionPool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=timeout_seconds,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        health_check_interval=15,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        redis_connect_func=lineage.connected,
    )
    lineage.pool = pool
    return RedisStore(Redis.from_pool(pool), lambda: lineage.replication_id, deadline_seconds=2 * timeout_seconds)


class Lineage:
    """The replication id of the server, read on each new connection before its first use.

    A restart and a failover change it, and either may have lost writes. The connection that finds it changed is
    refused, so that what was about to be sent, under the old id, is not.
    """

    def __init__(self) -> None:
        self.replication_id: str | None = None
        self.pool: BlockingConnectionPool | None = None

    async def connected(self, connection: AbstractConnection) -> None:
        await connection.on_connect()
        await connection.send_command("INFO", "replication", check_health=False)
        found = _replication_id(await connection.read_response())
        known, self.replication_id = self.replication_id, found
        if known not in (None, found):
            if self.pool is not None:
                await self.pool.disconnect(inuse_connections=False)
            raise ConnectionLost("the server's replication id is another")


def _replication_id(info: Any) -> str:
    text = info.decode() if isinstance(info, bytes) else str(info)
    for line in text.splitlines():
        if line.startswith("master_replid:"):
            return line.partition(":")[2]
    raise ConnectionLost("the server does not tell its replication id")
