"""Settings are read once, and what is wrong with them is said by name."""

import stat
from base64 import b64encode
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from entrypoints.settings import Profile, Settings, SettingsError, read_settings

KEY = b64encode(b"k" * 32).decode()
PRODUCTION = {
    "CONCERT_PROFILE": "production",
    "CONCERT_DATABASE_URL": "mysql://concert:secret@db1,db2:3307/concert",
    "CONCERT_REDIS_URL": "redis://redis:6379/0",
    "CONCERT_KAFKA_BOOTSTRAP": "kafka:9092,kafka2:9092",
    "CONCERT_JWT_SECRET": "j" * 32,
    "CONCERT_QUEUE_TOKEN_KEYS": f"new:{KEY},old:{KEY}",
    "CONCERT_TICKET_SECRET": "t" * 32,
    "CONCERT_TOSS_URL": "http://simulators:8090/simulator/tosspayments",
    "CONCERT_TOSS_SECRET_KEY": "test_sk_shop",
    "CONCERT_TOSS_CLIENT_KEY": "test_ck_shop",
    "CONCERT_ALIMTALK_URL": "http://simulators:8090",
    "CONCERT_ALIMTALK_APPKEY": "appkey",
    "CONCERT_ALIMTALK_SECRET_KEY": "secret",
    "CONCERT_ALIMTALK_SENDER_KEY": "sender",
    "CONCERT_SMS_URL": "http://simulators:8090/",
    "CONCERT_SMS_APPKEY": "appkey",
    "CONCERT_SMS_SECRET_KEY": "secret",
    "CONCERT_SMS_SENDER_NUMBER": "15880000",
}


def embedded(data_dir: Path, **more: str) -> Settings:
    return read_settings({"CONCERT_DATA_DIR": str(data_dir), **{f"CONCERT_{name}": value for name, value in more.items()}})


def problems(environment: Mapping[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        read_settings(environment)
    return refused.value.problems


def test_the_embedded_profile_needs_nothing(tmp_path: Path) -> None:
    settings = embedded(tmp_path / "data")
    assert settings.profile is Profile.EMBEDDED
    assert settings.port == 8000
    assert settings.database_url == f"sqlite:///{tmp_path / 'data' / 'concert.sqlite3'}"
    assert (settings.redis_url, settings.kafka_bootstrap) == ("embedded://", "embedded")
    assert (settings.guests, settings.graphiql, settings.introspection) == (True, True, True)
    assert settings.hold_duration == timedelta(minutes=5)
    assert settings.simulates_providers


def test_its_secrets_are_made_once_and_are_the_owners_alone(tmp_path: Path) -> None:
    first, second = embedded(tmp_path), embedded(tmp_path)
    assert first == second
    assert first.access_tokens.secret is not None and len(first.access_tokens.secret) >= 32
    assert [len(key) for key in first.queue_token_keys.values()] == [32]
    assert first.ticket_secret != first.access_tokens.secret
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]
    assert embedded(tmp_path / "other").access_tokens.secret != first.access_tokens.secret


def test_a_secret_that_is_given_wins_over_a_made_one(tmp_path: Path) -> None:
    assert embedded(tmp_path, JWT_SECRET="given").access_tokens.secret == b"given"


def test_damaged_secrets_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{")
    assert problems({"CONCERT_DATA_DIR": str(tmp_path)}) == [
        "CONCERT_DATA_DIR holds a damaged secrets.json: restore it, or remove it to start with new secrets"
    ]
    assert (tmp_path / "secrets.json").read_text() == "{"


def test_production_reads_everything(tmp_path: Path) -> None:
    settings = read_settings(PRODUCTION)
    assert settings.database_url == PRODUCTION["CONCERT_DATABASE_URL"]
    assert list(settings.queue_token_keys) == ["new", "old"]
    assert settings.sms.url == "http://simulators:8090"
    assert (settings.guests, settings.graphiql, settings.introspection) == (False, False, False)
    assert not settings.simulates_providers


def test_production_names_all_that_it_lacks() -> None:
    lacking = problems({"CONCERT_PROFILE": "production"})
    assert lacking == [
        *(f"CONCERT_{name} is needed in production" for name in ("DATABASE_URL", "REDIS_URL", "KAFKA_BOOTSTRAP")),
        "CONCERT_JWT_SECRET is needed in production, or CONCERT_JWKS_URL",
        *(
            f"CONCERT_{name} is needed in production"
            for name in (
                "QUEUE_TOKEN_KEYS",
                "TICKET_SECRET",
                "TOSS_URL",
                "TOSS_SECRET_KEY",
                "TOSS_CLIENT_KEY",
                "ALIMTALK_URL",
                "ALIMTALK_APPKEY",
                "ALIMTALK_SECRET_KEY",
                "ALIMTALK_SENDER_KEY",
                "SMS_URL",
                "SMS_APPKEY",
                "SMS_SECRET_KEY",
                "SMS_SENDER_NUMBER",
            )
        ),
    ]


def test_production_makes_no_secrets(tmp_path: Path) -> None:
    problems({"CONCERT_PROFILE": "production", "CONCERT_DATA_DIR": str(tmp_path / "data")})
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("PROFILE", "staging", "should be one of embedded, production"),
        ("PORT", "0", "should be a port, 1 to 65535"),
        ("PORT", "eighty", "should be a port, 1 to 65535"),
        ("GUESTS", "perhaps", "should be true or false"),
        ("HOLD_SECONDS", "-1", "should be 1 to 3600 seconds"),
        ("DATABASE_URL", "postgres://db/concert", "should be sqlite:///path or mysql://user:password@host[:port][,host[:port]]/database"),
        ("REDIS_URL", "redis+sentinel://a:1/m", "names redis+sentinel, which is not supported yet: use redis://host:port/0"),
        ("REDIS_URL", "redis+cluster://a:1", "names redis+cluster, which is not supported yet: use redis://host:port/0"),
        ("REDIS_URL", "memcached://a", "should be embedded:// or redis://host:port/0"),
        ("KAFKA_BOOTSTRAP", "kafka", "should be embedded, or host:port,host:port…"),
        ("JWT_SECRET", "short", "needs at least 32 bytes"),
        ("TICKET_SECRET", "short", "should be at least 32 bytes of text"),
        ("ALIMTALK_URL", "ftp://provider", "should be an http(s) URL"),
        ("JWKS_URL", "keys", "should be an http(s) URL"),
        ("TEMPLATE_CODES", "nonsense", "should be template:code,template:code…"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str, problem: str) -> None:
    assert problems({**PRODUCTION, f"CONCERT_{name}": value})[0] == f"CONCERT_{name} {problem}"


@pytest.mark.parametrize("keys", ["k1", "k1:", "k1:not base64", f"longer-than-8:{KEY}", f":{KEY}", "k1:c2hvcnQ="])
def test_wrong_queue_token_keys_are_named_and_not_repeated(keys: str) -> None:
    (problem,) = problems({**PRODUCTION, "CONCERT_QUEUE_TOKEN_KEYS": keys})
    assert problem.startswith("CONCERT_QUEUE_TOKEN_KEYS should be kid:base64,kid:base64…")
    assert keys not in problem


def test_secrets_are_not_printed() -> None:
    settings = read_settings(PRODUCTION)
    for secret in ("j" * 32, "t" * 32, "secret", "k" * 32):
        assert secret not in repr(settings)


def test_how_much_one_process_and_its_providers_bear(tmp_path: Path) -> None:
    usual = embedded(tmp_path)
    assert (usual.max_in_flight, usual.max_sockets, usual.circuit_threshold, usual.circuit_open_seconds) == (1024, 20_000, 5, 30)
    assert (usual.gateway_rate, usual.alimtalk_rate, usual.sms_rate) == (200, 200, 200)
    chosen = embedded(tmp_path, MAX_IN_FLIGHT="64", CIRCUIT_THRESHOLD="3", CIRCUIT_OPEN_SECONDS="2", ALIMTALK_RATE="20", SMS_RATE="10")
    assert (chosen.max_in_flight, chosen.circuit_threshold, chosen.circuit_open_seconds) == (64, 3, 2)
    assert (chosen.gateway_rate, chosen.alimtalk_rate, chosen.sms_rate) == (200, 20, 10)


@pytest.mark.parametrize("name", ["MAX_IN_FLIGHT", "MAX_SOCKETS", "CIRCUIT_THRESHOLD", "GATEWAY_RATE"])
def test_none_of_them_is_nothing(tmp_path: Path, name: str) -> None:
    [problem] = problems({"CONCERT_DATA_DIR": str(tmp_path), f"CONCERT_{name}": "0"})
    assert problem.startswith(f"CONCERT_{name} should be 1 to ")


def test_solapi_carries_the_messages_where_it_is_asked_to(tmp_path: Path) -> None:
    nhn, solapi = embedded(tmp_path), embedded(tmp_path, NOTIFICATION_PROVIDER="solapi", ALIMTALK_FAILOVER_SENDER="15880000")
    assert (nhn.solapi, nhn.failover_sender) == (None, None)
    assert solapi.solapi is not None
    assert (solapi.solapi.url, solapi.solapi.api_key, solapi.failover_sender) == (None, "simulated", "15880000")
    assert solapi.simulates_providers
    others = {name: value for name, value in PRODUCTION.items() if not name.startswith(("CONCERT_ALIMTALK", "CONCERT_SMS"))}
    lacking = problems(others | {"CONCERT_NOTIFICATION_PROVIDER": "solapi"})
    names = ("SOLAPI_URL", "SOLAPI_API_KEY", "SOLAPI_API_SECRET", "SOLAPI_PF_ID", "SOLAPI_SENDER_NUMBER")
    assert lacking == [f"CONCERT_{name} is needed in production" for name in names]
    account = dict.fromkeys((f"CONCERT_{name}" for name in names), "secret-of-solapi") | {"CONCERT_SOLAPI_URL": "https://solapi"}
    production = read_settings(others | account | {"CONCERT_NOTIFICATION_PROVIDER": "solapi"})
    assert production.solapi is not None and not production.simulates_providers
    assert (production.solapi.url, production.solapi.api_secret) == ("https://solapi", "secret-of-solapi")
    assert "api_secret" not in repr(production)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("NOTIFICATION_PROVIDER", "pigeon", "should be one of nhn, solapi"),
        ("ALIMTALK_FAILOVER_SENDER", "1588-0000", "should be 8 to 13 digits"),
    ],
)
def test_a_wrong_carrier_is_named(name: str, value: str, problem: str) -> None:
    assert problems({**PRODUCTION, f"CONCERT_{name}": value}) == [f"CONCERT_{name} {problem}"]


def test_production_lets_nobody_inject_faults(tmp_path: Path) -> None:
    assert problems({**PRODUCTION, "CONCERT_FAULTS": "true"}) == ["CONCERT_FAULTS is refused in production"]
    assert not embedded(tmp_path).faults
    assert embedded(tmp_path, FAULTS="true").faults


def test_the_webhook_s_secret_is_kept_to_itself(tmp_path: Path) -> None:
    assert embedded(tmp_path).alimtalk_webhook_secret is None
    heard = embedded(tmp_path, ALIMTALK_WEBHOOK_SECRET="골라 둔 말")
    assert heard.alimtalk_webhook_secret == "골라 둔 말"
    assert "골라 둔 말" not in repr(heard)
