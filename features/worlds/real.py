"""The real world: the same service over MySQL, Redis and Kafka, beside the simulated providers."""

import itertools
import secrets
from base64 import b64encode
from contextlib import ExitStack
from functools import cached_property
from urllib.parse import urlsplit

from features.worlds.accounts import operator_token
from features.worlds.process import concert
from features.worlds.providers import Providers
from features.worlds.service import BookingService, Tempo
from features.worlds.world import OwnServers, World, scratch_directory
from tests.servers.databases import fresh_mysql_database
from tests.servers.ports import free_port
from tests.servers.proxy import Proxy

SIMULATED = "simulated"


class RealWorld(World):
    """The production profile, which lets guests in here for the features' sake.

    Most scenarios meet `concert api` and `concert worker` as processes of their own, those at another tempo, or beside
    servers to break, one `concert serve`. Production refuses faults inside the process: there the embedded profile is told to
    use the real servers, and has providers of its own, in a process that a scenario may break.
    """

    def __init__(self, *, mysql_url: str, redis_url: str, kafka_bootstrap: str) -> None:
        super().__init__()
        self._mysql_url = mysql_url
        self._redis_url = redis_url
        self._kafka_bootstrap = kafka_bootstrap
        self._redis_numbers = itertools.count(1)

    def _laid_out(self, tempo: Tempo, servers: OwnServers | None, stack: ExitStack) -> BookingService:
        directory, port = scratch_directory(), free_port()
        jwt_secret = secrets.token_urlsafe(48)
        database_url = stack.enter_context(fresh_mysql_database(servers.mysql.url if servers else self._mysql_url))
        if servers:
            stack.callback(servers.mysql.start)
        providers = _simulators(stack) if tempo.faults else self._providers
        environment = {
            "CONCERT_PROFILE": "embedded" if tempo.faults else "production",
            "CONCERT_PORT": str(port),
            "CONCERT_DATA_DIR": str(directory / "data"),
            "CONCERT_DATABASE_URL": _through(servers.network, database_url) if servers else database_url,
            "CONCERT_REDIS_URL": self._own_redis(servers.redis.url if servers else self._redis_url),
            "CONCERT_KAFKA_BOOTSTRAP": servers.kafka.url if servers else self._kafka_bootstrap,
            "CONCERT_KAFKA_PREFIX": f"{directory.name}.",
            "CONCERT_JWT_SECRET": jwt_secret,
            "CONCERT_TICKET_SECRET": secrets.token_urlsafe(48),
            "CONCERT_QUEUE_TOKEN_KEYS": f"k1:{b64encode(secrets.token_bytes(32)).decode()}",
            "CONCERT_GUESTS": "true",
            **_accounts(providers.url),
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
            providers=providers,
            database_url=database_url,
            operator_token=operator_token(jwt_secret),
        )

    @cached_property
    def _providers(self) -> Providers:
        return _simulators(self._stack)

    def _own_redis(self, url: str) -> str:
        """A numbered database of the service's own: queues, circuits and rates of two services do not meet."""
        return urlsplit(url)._replace(path=f"/{next(self._redis_numbers)}").geturl()


def _simulators(stack: ExitStack) -> Providers:
    """Somebody else's processes: they outlive every service."""
    providers = Providers.at(free_port(), scratch_directory())
    stack.callback(providers.discard)
    providers.start()
    return providers


def _through(network: Proxy, url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.username}@127.0.0.1:{network.port}").geturl()


def _accounts(providers_url: str) -> dict[str, str]:
    """At each provider."""
    return {
        "CONCERT_ALIMTALK_URL": providers_url,
        "CONCERT_ALIMTALK_APPKEY": SIMULATED,
        "CONCERT_ALIMTALK_SECRET_KEY": SIMULATED,
        "CONCERT_ALIMTALK_SENDER_KEY": SIMULATED,
        "CONCERT_SMS_URL": providers_url,
        "CONCERT_SMS_APPKEY": SIMULATED,
        "CONCERT_SMS_SECRET_KEY": SIMULATED,
        "CONCERT_SMS_SENDER_NUMBER": "15880000",
        "CONCERT_TOSS_URL": f"{providers_url}/simulator/tosspayments",
        "CONCERT_TOSS_SECRET_KEY": "test_sk_simulated",
        "CONCERT_TOSS_CLIENT_KEY": SIMULATED,
    }
