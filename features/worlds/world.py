"""A world: where a booking service comes from. The steps are the same in each."""

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from features.worlds.network import network_to
from features.worlds.service import BookingService, Tempo
from tests.servers import KafkaServer, MysqlServer, RedisServer
from tests.servers.proxy import Proxy

ALARMS = ("was masked", "a role crashed", "a hint after the commit failed")
"""What a service outlives and logs. No outage may cause it, only a fault inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnServers:
    """Servers that nothing but the services of one world uses, so that they may be broken. ``network`` leads to MySQL."""

    mysql: MysqlServer
    network: Proxy
    redis: RedisServer
    kafka: KafkaServer

    def revive(self) -> None:
        """Whatever an earlier scenario has done to them."""
        self.mysql.start()
        self.redis.start()
        self.kafka.start()


class World(ABC):
    """Lends one service of each tempo to all scenarios, which have concerts and fans of their own; who kills it, revives it."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._services: dict[Tempo, BookingService] = {}
        self._own_servers: OwnServers | None = None
        self._on_own_servers: dict[Tempo, BookingService] = {}

    def service(self, tempo: Tempo) -> BookingService:
        if tempo not in self._services:
            self._services[tempo] = self._stack.enter_context(self._running(tempo))
        self._services[tempo].revive()
        return self._services[tempo]

    def service_on_own_servers(self, tempo: Tempo) -> tuple[BookingService, OwnServers]:
        """A service beside servers that a scenario may break."""
        if self._own_servers is None:
            self._own_servers = self._started_servers()
        servers = self._own_servers
        servers.revive()
        if tempo not in self._on_own_servers:
            self._on_own_servers[tempo] = self._stack.enter_context(self._running(tempo, servers))
        service = self._on_own_servers[tempo]
        service.revive()
        service.await_servers()
        return service, servers

    def _started_servers(self) -> OwnServers:
        enter = self._stack.enter_context
        mysql = enter(MysqlServer.started())
        return OwnServers(
            mysql=mysql,
            network=enter(network_to("127.0.0.1", mysql.port)),
            redis=enter(RedisServer.started()),
            kafka=enter(KafkaServer.started()),
        )

    def close(self) -> None:
        """Each service is asked to end, in order. One that does not, or that met a mistake of its own, is a failure."""
        self._stack.close()

    @contextmanager
    def _running(self, tempo: Tempo, servers: OwnServers | None = None) -> Iterator[BookingService]:
        with ExitStack() as stack:
            service = self._laid_out(tempo, servers, stack)
            stack.callback(service.discard)
            service.start()
            yield service
            service.stop()
            mistakes = [line for line in service.log_lines() if any(alarm in line for alarm in ALARMS)]
            assert tempo.faults or not mistakes, "\n".join(mistakes)

    @abstractmethod
    def _laid_out(self, tempo: Tempo, servers: OwnServers | None, stack: ExitStack) -> BookingService:
        """A service that has not been started; what it needs besides lives as long as the stack."""


def scratch_directory() -> Path:
    return Path(tempfile.mkdtemp(prefix="concert-feature-"))
