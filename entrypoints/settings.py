"""Settings: read once from the environment (``CONCERT_…``), typed, and refused at start-up with the variable's name.

``CONCERT_PROFILE`` sets the defaults of the rest. ``embedded`` needs nothing: it makes its secrets once and keeps them
in ``CONCERT_DATA_DIR``. ``production`` has no default for anything secret, and none for where its servers are.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from entrypoints import setting_values as values
from entrypoints.generated_secrets import SecretsUnusable, generated_secrets
from entrypoints.setting_values import EMBEDDED_KAFKA, EMBEDDED_REDIS

T = TypeVar("T")

PREFIX = "CONCERT_"
SIMULATED = "simulated"
SIMULATED_TOSS_KEY = "test_sk_simulated"
"""The account at the simulated providers."""


class SettingsError(Exception):
    """What is wrong with the environment, one line a variable. The values are not repeated: they may be secret."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class NotificationProvider(StrEnum):
    NHN = "nhn"
    SOLAPI = "solapi"


class Profile(StrEnum):
    EMBEDDED = "embedded"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTokenSettings:
    """Who may vouch for people: a shared secret (HS256), keys published at a URL (RS256, ES256), or both."""

    secret: bytes | None = field(repr=False)
    jwks_url: str | None
    issuer: str | None
    audience: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """An account at a notification provider. ``url`` None: the simulator that this process mounts."""

    url: str | None
    appkey: str = field(repr=False)
    secret_key: str = field(repr=False)
    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SolapiSettings:
    """An account at Solapi. ``url`` None: the simulator that this process mounts. ``pf_id`` is the Kakao channel's."""

    url: str | None
    api_key: str
    api_secret: str = field(repr=False)
    pf_id: str
    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TossSettings:
    """A shop at Toss Payments. ``url`` None: the simulator that this process mounts. ``client_key`` is the public one."""

    url: str | None
    secret_key: str = field(repr=False)
    client_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    profile: Profile
    host: str
    port: int
    data_dir: Path
    log_level: str
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    kafka_bootstrap: str
    kafka_prefix: str
    """Before the names of topics and groups, where several installations share a broker."""
    access_tokens: AccessTokenSettings
    queue_token_keys: Mapping[str, bytes] = field(repr=False)
    ticket_secret: bytes = field(repr=False)
    toss: TossSettings
    alimtalk: ProviderSettings
    sms: ProviderSettings
    """Accounts at NHN Cloud, which carries what fans are told unless ``solapi`` does."""
    solapi: SolapiSettings | None
    failover_sender: str | None
    """A number from which the dealer itself sends a text message where Kakao could not deliver; without one, we do."""
    alimtalk_webhook_secret: str | None = field(repr=False)
    """What NHN Cloud's webhooks about results show that they are; without one they are not listened to."""
    templates: Mapping[str, str]
    """Our template → its code at the provider, where that differs."""
    guests: bool
    faults: bool
    """Whether faults can be injected into this process, as the features do. Never in production."""
    graphiql: bool
    introspection: bool
    hold_duration: timedelta
    pass_duration: timedelta
    slow_statement_seconds: float
    max_body_bytes: int
    max_in_flight: int
    """Operations over HTTP that one process serves at once; as many again may wait for a second."""
    max_sockets: int
    circuit_threshold: int
    """Failures in a row that open a circuit."""
    circuit_open_seconds: int
    gateway_rate: int
    """Calls a second, of all processes together; of the two channels likewise."""
    alimtalk_rate: int
    sms_rate: int
    drain_seconds: float
    lease_seconds: int
    """How long messages and notifications that a process took up stay its own: what it leaves when it dies waits so long."""

    @property
    def simulates_providers(self) -> bool:
        carriers = (self.alimtalk.url, self.sms.url) if self.solapi is None else (self.solapi.url,)
        return None in (*carriers, self.toss.url)


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Raises SettingsError with everything that is wrong, not only the first."""
    return _Reader(os.environ if environment is None else environment).settings()


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._values = {name.removeprefix(PREFIX): value.strip() for name, value in environment.items() if name.startswith(PREFIX)}
        self._problems: list[str] = []
        self._profile = self._read("PROFILE", Profile, Profile.EMBEDDED, f"one of {', '.join(Profile)}")
        self._embedded = self._profile is Profile.EMBEDDED
        self._data_dir = Path(self._values.get("DATA_DIR") or ".data")
        provider = self._read(
            "NOTIFICATION_PROVIDER", NotificationProvider, NotificationProvider.NHN, f"one of {', '.join(NotificationProvider)}"
        )
        self._by_solapi = provider is NotificationProvider.SOLAPI

    def settings(self) -> Settings:
        """Everything is read before the first complaint."""
        generated = self._generated()
        settings = Settings(
            profile=self._profile,
            host=self._values.get("HOST") or "127.0.0.1",
            port=self._read("PORT", values.between(1, 65535), 8000, "a port, 1 to 65535"),
            data_dir=self._data_dir,
            log_level=self._read("LOG_LEVEL", values.one_of("DEBUG", "INFO", "WARNING", "ERROR"), "INFO", "DEBUG, INFO, WARNING or ERROR"),
            database_url=self._required("DATABASE_URL", values.database_url, f"sqlite:///{self._data_dir / 'concert.sqlite3'}"),
            redis_url=self._required("REDIS_URL", values.redis_url, EMBEDDED_REDIS),
            kafka_bootstrap=self._required("KAFKA_BOOTSTRAP", values.kafka_bootstrap, EMBEDDED_KAFKA),
            kafka_prefix=self._read("KAFKA_PREFIX", values.kafka_name, "", "at most 100 letters, digits, dots, dashes and underscores"),
            access_tokens=self._access_tokens(generated),
            queue_token_keys=self._required(
                "QUEUE_TOKEN_KEYS", values.keys, values.keys(generated["queue_token_keys"]) if generated else {}
            ),
            ticket_secret=self._required("TICKET_SECRET", values.secret, generated.get("ticket_secret", "").encode()),
            toss=TossSettings(
                url=self._required("TOSS_URL", values.http_url, None),
                secret_key=self._required("TOSS_SECRET_KEY", values.text, SIMULATED_TOSS_KEY),
                client_key=self._required("TOSS_CLIENT_KEY", values.text, "test_ck_simulated"),
            ),
            alimtalk=self._provider("ALIMTALK", sender="SENDER_KEY"),
            sms=self._provider("SMS", sender="SENDER_NUMBER"),
            solapi=self._solapi() if self._by_solapi else None,
            failover_sender=self._read("ALIMTALK_FAILOVER_SENDER", values.phone_number, None, "8 to 13 digits"),
            alimtalk_webhook_secret=self._read("ALIMTALK_WEBHOOK_SECRET", values.text, None, "some text"),
            templates=self._read("TEMPLATE_CODES", values.pairs, MappingProxyType({}), "template:code,template:code…"),
            guests=self._flag("GUESTS"),
            faults=self._faults(),
            graphiql=self._flag("GRAPHIQL"),
            introspection=self._flag("INTROSPECTION"),
            hold_duration=timedelta(seconds=self._read("HOLD_SECONDS", values.between(1, 3600), 300, "1 to 3600 seconds")),
            pass_duration=timedelta(seconds=self._read("PASS_SECONDS", values.between(1, 3600), 600, "1 to 3600 seconds")),
            slow_statement_seconds=self._read("SLOW_STATEMENT_MS", values.between(1, 60_000), 500, "1 to 60000 milliseconds") / 1000,
            max_body_bytes=self._read("MAX_BODY_BYTES", values.between(1024, 16 * 2**20), 256 * 1024, "1024 to 16777216 bytes"),
            max_in_flight=self._read("MAX_IN_FLIGHT", values.between(1, 100_000), 1024, "1 to 100000 operations"),
            max_sockets=self._read("MAX_SOCKETS", values.between(1, 1_000_000), 20_000, "1 to 1000000 sockets"),
            circuit_threshold=self._read("CIRCUIT_THRESHOLD", values.between(1, 1000), 5, "1 to 1000 failures"),
            circuit_open_seconds=self._read("CIRCUIT_OPEN_SECONDS", values.between(1, 600), 30, "1 to 600 seconds"),
            gateway_rate=self._rate("GATEWAY_RATE"),
            alimtalk_rate=self._rate("ALIMTALK_RATE"),
            sms_rate=self._rate("SMS_RATE"),
            lease_seconds=self._read("LEASE_SECONDS", values.between(1, 600), 30, "1 to 600 seconds"),
            drain_seconds=float(self._read("DRAIN_SECONDS", values.between(1, 120), 8, "1 to 120 seconds")),
        )
        if self._problems:
            raise SettingsError(self._problems)
        return settings

    def _generated(self) -> Mapping[str, str]:
        """The embedded profile's secrets. Nothing is made for settings that are refused anyway."""
        if not self._embedded or self._problems:
            return {}
        try:
            return generated_secrets(self._data_dir)
        except SecretsUnusable as unusable:
            raise SettingsError([f"{PREFIX}DATA_DIR {unusable}"]) from unusable

    def _access_tokens(self, generated: Mapping[str, str]) -> AccessTokenSettings:
        secret = self._values.get("JWT_SECRET", "").encode()
        jwks_url = self._read("JWKS_URL", values.http_url, None, "an http(s) URL")
        if not secret and not jwks_url:
            secret = generated.get("jwt_secret", "").encode()
            if not secret and not self._embedded:
                self._complain("JWT_SECRET", "is needed in production, or CONCERT_JWKS_URL")
        if secret and not self._embedded and len(secret) < values.SHORTEST_SECRET:
            self._complain("JWT_SECRET", f"needs at least {values.SHORTEST_SECRET} bytes")
        issuer, audience = self._values.get("JWT_ISSUER") or None, self._values.get("JWT_AUDIENCE") or None
        return AccessTokenSettings(secret=secret or None, jwks_url=jwks_url, issuer=issuer, audience=audience)

    def _provider(self, name: str, *, sender: str) -> ProviderSettings:
        """Not asked for where another carries the messages."""
        if self._by_solapi:
            return ProviderSettings(url=None, appkey=SIMULATED, secret_key=SIMULATED, sender=SIMULATED)
        return ProviderSettings(
            url=self._required(f"{name}_URL", values.http_url, None),
            appkey=self._required(f"{name}_APPKEY", values.text, SIMULATED),
            secret_key=self._required(f"{name}_SECRET_KEY", values.text, SIMULATED),
            sender=self._required(f"{name}_{sender}", values.text, "15880000" if name == "SMS" else SIMULATED),
        )

    def _solapi(self) -> SolapiSettings:
        return SolapiSettings(
            url=self._required("SOLAPI_URL", values.http_url, None),
            api_key=self._required("SOLAPI_API_KEY", values.text, SIMULATED),
            api_secret=self._required("SOLAPI_API_SECRET", values.text, SIMULATED),
            pf_id=self._required("SOLAPI_PF_ID", values.text, SIMULATED),
            sender=self._required("SOLAPI_SENDER_NUMBER", values.text, "15880000"),
        )

    def _rate(self, name: str) -> int:
        return self._read(name, values.between(1, 100_000), 200, "1 to 100000 calls a second")

    def _faults(self) -> bool:
        wanted = self._read("FAULTS", values.flag, False, "true or false")
        if wanted and not self._embedded:
            self._complain("FAULTS", "is refused in production")
        return wanted

    def _flag(self, name: str) -> bool:
        return self._read(name, values.flag, self._embedded, "true or false")

    def _required(self, name: str, parse: Callable[[str], T], embedded_default: T) -> T:
        """Has a default in the embedded profile only."""
        if not self._values.get(name) and not self._embedded:
            self._complain(name, "is needed in production")
            return embedded_default
        return self._read(name, parse, embedded_default, (parse.__doc__ or "").rstrip("."))

    def _read(self, name: str, parse: Callable[[str], T], default: T, expected: str) -> T:
        text = self._values.get(name)
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as wrong:
            reason = wrong.args[0] if isinstance(wrong, values.Unfit) else f"should be {expected}"
            self._complain(name, reason)
            return default

    def _complain(self, name: str, problem: str) -> None:
        self._problems.append(f"{PREFIX}{name} {problem}")
