"""Redis from the machine's own packages."""

import socket
import tempfile
from pathlib import Path

from tests.servers.containers import ContainerRunner, engine_answers
from tests.servers.native import NativeRunner
from tests.servers.server import Runner, Server
from tests.servers.tools import found, require

INSTEAD = "Name a Redis 7 server by TEST_REDIS_URL=redis://host:port/0 instead."


class RedisServer(Server):
    """Redis with an append-only file, and no eviction: a queue may not forget whoever waits."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
            connection.sendall(b"PING\r\n")
            # While it still reads its file it answers -LOADING.
            return connection.recv(64).startswith(b"+PONG")

    def _runner_with_data(self) -> Runner:
        if engine_answers():
            return ContainerRunner(service="redis", port=self.port, options=self.options)
        require_redis()
        directory = Path(tempfile.mkdtemp(prefix="concert-redis-"))
        listening = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(directory)]
        durable = ["--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction"]
        command = [found("redis-server") or "redis-server", *listening, *durable, *self.options]
        return NativeRunner(command=command, directory=directory, log=directory / "log")


def require_redis() -> None:
    """Have the server's program."""
    require({"redis-server": "redis-server"}, instead=INSTEAD)
