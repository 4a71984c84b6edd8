"""Redis inside this process: the same scripts without a server. It forgets when the process ends."""

import os

from fakeredis import FakeAsyncRedis, FakeServer
from redis.asyncio import Redis


def embedded_redis() -> Redis:
    """A client of an empty store of its own."""
    return FakeAsyncRedis(server=FakeServer(), protocol=2)


def process_marker() -> str:
    """What stands for a server's replication id: this store is as old as its process."""
    return f"process-{os.getpid()}"
