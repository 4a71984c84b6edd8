"""The real world: the same service as processes of its own over MySQL, Redis and Kafka, with the simulated providers."""

import secrets
from base64 import b64encode
from contextlib import ExitStack

from features.worlds.service import BookingService, Tempo
from features.worlds.world import World, scratch_directory
from tests.servers import KafkaServer, RedisServer
from tests.servers.databases import fresh_mysql_database
from tests.servers.ports import free_port


class RealWorld(World):
    """`concert api` beside `concert worker`, in the production profile, with the embedded default's guests."""

    def __init__(self, *, mysql_url: str, redis_url: str, kafka_bootstrap: str) -> None:
        super().__init__()
        self._mysql_url = mysql_url
        self._redis_url = redis_url
        self._kafka_bootstrap = kafka_bootstrap

    def _laid_out(self, tempo: Tempo, redis: RedisServer | None, kafka: KafkaServer | None, stack: ExitStack) -> BookingService:
        directory, port = scratch_directory(), free_port()
        simulators = f"http://127.0.0.1:{free_port()}"
        return BookingService(
            url=f"http://127.0.0.1:{port}",
            commands=[("api",), ("worker",)],
            environment={
                "CONCERT_PROFILE": "production",
                "CONCERT_PORT": str(port),
                "CONCERT_DATABASE_URL": stack.enter_context(fresh_mysql_database(self._mysql_url)),
                "CONCERT_REDIS_URL": redis.url if redis else self._redis_url,
                "CONCERT_KAFKA_BOOTSTRAP": kafka.url if kafka else self._kafka_bootstrap,
                "CONCERT_JWT_SECRET": secrets.token_urlsafe(48),
                "CONCERT_TICKET_SECRET": secrets.token_urlsafe(48),
                "CONCERT_QUEUE_TOKEN_KEYS": f"k1:{b64encode(secrets.token_bytes(32)).decode()}",
                "CONCERT_GUESTS": "true",
                "CONCERT_ALIMTALK_URL": simulators,
                "CONCERT_SMS_URL": simulators,
                **tempo.settings,
            },
            directory=directory,
            mailbox_url=simulators,
        )
