"""The real world: the same service over MySQL, Redis and Kafka, beside the simulated providers."""

import secrets
from base64 import b64encode
from contextlib import ExitStack
from functools import cached_property

from features.worlds.accounts import operator_token
from features.worlds.process import ConcertProcess, await_answer, concert
from features.worlds.service import BookingService, Tempo
from features.worlds.world import OwnServers, World, scratch_directory
from tests.servers.databases import fresh_mysql_database
from tests.servers.ports import free_port

SIMULATED = "simulated"


class RealWorld(World):
    """The production profile, which lets guests in here for the features' sake.

    Most scenarios meet `concert api` and `concert worker` as processes of their own, those at another tempo, or beside
    servers to break, one `concert serve`. Production refuses faults inside the process: there the embedded profile is told to
    use the real servers, and simulates its providers itself.
    """

    def __init__(self, *, mysql_url: str, redis_url: str, kafka_bootstrap: str) -> None:
        super().__init__()
        self._mysql_url = mysql_url
        self._redis_url = redis_url
        self._kafka_bootstrap = kafka_bootstrap

    def _laid_out(self, tempo: Tempo, servers: OwnServers | None, stack: ExitStack) -> BookingService:
        directory, port = scratch_directory(), free_port()
        jwt_secret = secrets.token_urlsafe(48)
        environment = {
            "CONCERT_PROFILE": "embedded" if tempo.faults else "production",
            "CONCERT_PORT": str(port),
            "CONCERT_DATA_DIR": str(directory / "data"),
            "CONCERT_DATABASE_URL": stack.enter_context(fresh_mysql_database(self._mysql_url)),
            "CONCERT_REDIS_URL": servers.redis.url if servers else self._redis_url,
            "CONCERT_KAFKA_BOOTSTRAP": servers.kafka.url if servers else self._kafka_bootstrap,
            "CONCERT_KAFKA_PREFIX": f"{directory.name}.",
            "CONCERT_JWT_SECRET": jwt_secret,
            "CONCERT_TICKET_SECRET": secrets.token_urlsafe(48),
            "CONCERT_QUEUE_TOKEN_KEYS": f"k1:{b64encode(secrets.token_bytes(32)).decode()}",
            "CONCERT_GUESTS": "true",
            **({} if tempo.faults else self._accounts),
            **tempo.settings,
        }
        apart = servers is None and tempo == Tempo()
        if apart:
            concert("migrate", environment=environment)
        return BookingService(
            url=f"http://127.0.0.1:{port}",
            commands=[("api",), ("worker",)] if apart else [("serve",)],
            environment=environment,
            directory=directory,
            mailbox_url=None if tempo.faults else self._providers,
            operator_token=operator_token(jwt_secret),
        )

    @cached_property
    def _providers(self) -> str:
        """Where the simulated providers listen: somebody else's, so they outlive every service."""
        directory, port = scratch_directory(), free_port()
        process = ConcertProcess("simulators", "--port", str(port), "--data-dir", str(directory), environment={}, directory=directory)
        process.start()
        self._stack.callback(process.discard)
        await_answer(f"http://127.0.0.1:{port}/mailbox.json", process)
        return f"http://127.0.0.1:{port}"

    @property
    def _accounts(self) -> dict[str, str]:
        """At each provider."""
        return {
            "CONCERT_ALIMTALK_URL": self._providers,
            "CONCERT_ALIMTALK_APPKEY": SIMULATED,
            "CONCERT_ALIMTALK_SECRET_KEY": SIMULATED,
            "CONCERT_ALIMTALK_SENDER_KEY": SIMULATED,
            "CONCERT_SMS_URL": self._providers,
            "CONCERT_SMS_APPKEY": SIMULATED,
            "CONCERT_SMS_SECRET_KEY": SIMULATED,
            "CONCERT_SMS_SENDER_NUMBER": "15880000",
            "CONCERT_TOSS_URL": f"{self._providers}/simulator/tosspayments",
            "CONCERT_TOSS_SECRET_KEY": "test_sk_simulated",
            "CONCERT_TOSS_CLIENT_KEY": SIMULATED,
        }
