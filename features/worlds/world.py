"""A world: where a booking service comes from. The steps are the same in each."""

import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from features.worlds.service import BookingService, Tempo
from tests.servers import KafkaServer, RedisServer

# What a process needs of ours to run at all; no setting of this machine's owner leaks into the services under test.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("CONCERT_")}


class World(ABC):
    """Lends services: one of each tempo to all scenarios, or one to a scenario that breaks it."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._shared: dict[Tempo, BookingService] = {}

    def service(self, tempo: Tempo) -> BookingService:
        """The service of this tempo that all scenarios share: each has a concert and fans of its own."""
        if tempo not in self._shared:
            self._shared[tempo] = self._stack.enter_context(self.own_service(tempo))
        return self._shared[tempo]

    @contextmanager
    def own_service(self, tempo: Tempo, *, redis: RedisServer | None = None, kafka: KafkaServer | None = None) -> Iterator[BookingService]:
        """A service, and servers, that a scenario may break."""
        with ExitStack() as stack:
            service = self._laid_out(tempo, redis, kafka, stack)
            try:
                service.start()
                yield service
                service.stop()
            finally:
                service.discard()

    def close(self) -> None:
        self._stack.close()

    @abstractmethod
    def _laid_out(self, tempo: Tempo, redis: RedisServer | None, kafka: KafkaServer | None, stack: ExitStack) -> BookingService:
        """A service that has not been started; what it needs besides lives as long as the stack."""


def scratch_directory() -> Path:
    return Path(tempfile.mkdtemp(prefix="concert-feature-"))
