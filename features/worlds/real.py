"""The real world: the same service as processes of its own over MySQL, Redis and Kafka, beside the simulated providers."""

import secrets
from base64 import b64encode
from contextlib import ExitStack
from functools import cached_property

from features.worlds.process import ConcertProcess, await_answer, concert
from features.worlds.service import BookingService, Tempo
from features.worlds.world import World, scratch_directory
from tests.servers import KafkaServer, RedisServer
from tests.servers.databases import fresh_mysql_database
from tests.servers.ports import free_port

SIMULATED = "simulated"


class RealWorld(World):
    """`concert api` and `concert worker` in the production profile, which lets guests in here for the features' sake."""

    def __init__(self, *, mysql_url: str, redis_url: str, kafka_bootstrap: str) -> None:
        super().__init__()
        self._mysql_url = mysql_url
        self._redis_url = redis_url
        self._kafka_bootstrap = kafka_bootstrap

    @cached_property
    def _providers(self) -> str:
        """Where the simulated providers listen: somebody else's, so they outlive every service."""
        directory, port = scratch_directory(), free_port()
        process = ConcertProcess("simulators", "--port", str(port), "--data-dir", str(directory), environment={}, directory=directory)
        process.start()
        self._stack.callback(process.discard)
        await_answer(f"http://127.0.0.1:{port}/mailbox.json", process)
        return f"http://127.0.0.1:{port}"

    def _laid_out(self, tempo: Tempo, redis: RedisServer | None, kafka: KafkaServer | None, stack: ExitStack) -> BookingService:
        directory, port = scratch_directory(), free_port()
        environment = {
            "CONCERT_PROFILE": "production",
            "CONCERT_PORT": str(port),
            "CONCERT_DATABASE_URL": stack.enter_context(fresh_mysql_database(self._mysql_url)),
            "CONCERT_REDIS_URL": redis.url if redis else self._redis_url,
            "CONCERT_KAFKA_BOOTSTRAP": kafka.url if kafka else self._kafka_bootstrap,
            "CONCERT_KAFKA_PREFIX": f"{directory.name}.",
            "CONCERT_JWT_SECRET": secrets.token_urlsafe(48),
            "CONCERT_TICKET_SECRET": secrets.token_urlsafe(48),
            "CONCERT_QUEUE_TOKEN_KEYS": f"k1:{b64encode(secrets.token_bytes(32)).decode()}",
            "CONCERT_GUESTS": "true",
            "CONCERT_ALIMTALK_URL": self._providers,
            "CONCERT_ALIMTALK_APPKEY": SIMULATED,
            "CONCERT_ALIMTALK_SECRET_KEY": SIMULATED,
            "CONCERT_ALIMTALK_SENDER_KEY": SIMULATED,
            "CONCERT_SMS_URL": self._providers,
            "CONCERT_SMS_APPKEY": SIMULATED,
            "CONCERT_SMS_SECRET_KEY": SIMULATED,
            "CONCERT_SMS_SENDER_NUMBER": "15880000",
            **tempo.settings,
        }
        concert("migrate", environment=environment)
        return BookingService(
            url=f"http://127.0.0.1:{port}",
            commands=[("api",), ("worker",)],
            environment=environment,
            directory=directory,
            mailbox_url=self._providers,
        )
