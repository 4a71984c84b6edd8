"""The compose files hold to the compose schema and to what they promise; no engine runs them here."""

import copy
import importlib.resources
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
PRODUCTION = ROOT / "docker-compose.yml"
ROLES = {"relay", "consumer", "notifier", "admitter", "sweeper", "reconciler"}
OURS = ROLES | {"api", "migrate", "simulators"}

Compose = dict[str, Any]


def compose_schema() -> Any:
    schema = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    return json.loads(schema.read_text(encoding="utf-8"))


def loaded(path: Path) -> Compose:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


@pytest.fixture(scope="module")
def compose() -> Compose:
    return loaded(PRODUCTION)


@pytest.mark.parametrize("path", [PRODUCTION, ROOT / "tests/servers/compose.yml"], ids=["production", "tests"])
def test_it_is_valid_compose(path: Path) -> None:
    jsonschema.validate(loaded(path), compose_schema())


def misspell_a_condition(compose: Compose) -> None:
    compose["services"]["api"]["depends_on"]["mysql"]["condition"] = "service_healty"


def misspell_a_key(compose: Compose) -> None:
    compose["services"]["redis"]["comand"] = compose["services"]["redis"].pop("command")


def give_ports_a_mapping(compose: Compose) -> None:
    compose["services"]["api"]["ports"] = {"8000": "8000"}


def nest_the_environment(compose: Compose) -> None:
    compose["services"]["mysql"]["environment"]["MYSQL_USER"] = {"name": "concert"}


@pytest.mark.parametrize("damage", [misspell_a_condition, misspell_a_key, give_ports_a_mapping, nest_the_environment])
def test_the_schema_refuses_a_broken_file(compose: Compose, damage: Callable[[Compose], None]) -> None:
    broken = copy.deepcopy(compose)
    damage(broken)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, compose_schema())


def test_there_is_a_service_for_each_server_and_each_role(compose: Compose) -> None:
    assert set(compose["services"]) == OURS | {"mysql", "redis", "kafka"}
    assert {name: compose["services"][name]["command"] for name in ROLES} == {name: ["concert", "worker", name] for name in ROLES}


def test_what_serves_waits_for_what_it_needs(compose: Compose) -> None:
    healthy = {"condition": "service_healthy"}
    for name in ROLES | {"api"}:
        assert compose["services"][name]["depends_on"] == {
            "mysql": healthy,
            "redis": healthy,
            "kafka": healthy,
            "simulators": healthy,
            "migrate": {"condition": "service_completed_successfully"},
        }
    assert compose["services"]["migrate"]["depends_on"] == {"mysql": healthy}
    assert {name for name, service in compose["services"].items() if "healthcheck" not in service} == {"migrate"}


def test_secrets_come_from_the_environment_or_nothing_starts(compose: Compose) -> None:
    settings = compose["services"]["relay"]["environment"]
    assert settings["CONCERT_JWT_SECRET"].startswith("${JWT_SECRET:?")
    assert settings["CONCERT_QUEUE_TOKEN_KEYS"].startswith("${QUEUE_TOKEN_KEYS:?")
    assert settings["CONCERT_DATABASE_URL"].startswith("mysql://concert:${MYSQL_PASSWORD:?")
    assert settings["CONCERT_PROFILE"] == "production"


def test_all_of_ours_run_one_image_that_holds_the_lock_and_no_root(compose: Compose) -> None:
    assert {compose["services"][name]["image"] for name in OURS} == {"concert"}
    # One service builds it: two that build the same name at once trip over each other.
    assert [name for name, service in compose["services"].items() if "build" in service] == ["api"]
    lines = compose["services"]["api"]["build"]["dockerfile_inline"].splitlines()
    assert lines[0] == "FROM python:3.12-slim"
    assert "RUN pip install --require-hashes -r requirements.lock" in lines
    assert lines[-2:] == ["USER concert", 'CMD ["concert", "api"]']
    for copied in (line.split()[1:-1] for line in lines if line.startswith("COPY")):
        assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_servers_keep_what_they_acknowledge(compose: Compose) -> None:
    redis = compose["services"]["redis"]
    assert redis["command"] == ["redis-server", "--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction"]
    assert {name: compose["services"][name]["volumes"] for name in ("mysql", "redis", "kafka")} == {
        "mysql": ["mysql:/var/lib/mysql"],
        "redis": ["redis:/data"],
        "kafka": ["kafka:/var/lib/kafka/data"],
    }
    assert compose["services"]["mysql"]["command"] == ["mysqld", "--mysqlx=OFF", "--character-set-server=utf8mb4"]
