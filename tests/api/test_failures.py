"""What goes wrong behind the edge is masked or named to the client, counted, and written down with the request's id."""

import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import pytest
from dependency_injector import providers
from structlog.contextvars import get_contextvars

from adapters.sql.concert_view import SqlConcertView
from adapters.sql.database import Database
from adapters.telemetry.logs import correlate
from application.ports.catalogue import Page
from domain.concert import Concert
from domain.errors import StoreUnavailable
from entrypoints.api import build_api
from entrypoints.container import Container
from entrypoints.processes import load_demo, migrate_database, opened
from entrypoints.settings import read_settings
from tests.api.client import CONCERTS, SIGN_IN, Client, Refused, guest

PHONE = "010-1234-5678"


class Broken(SqlConcertView):
    """Raises when it is asked for all concerts."""

    def __init__(self, database: Database, fault: Exception) -> None:
        super().__init__(database)
        self._fault = fault

    async def concerts(self, first: int, after: UUID | None) -> Page[Concert]:
        raise self._fault


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[tuple[logging.LogRecord, dict[str, Any]]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append((record, get_contextvars()))


class Inside(NamedTuple):
    container: Container
    http: httpx.AsyncClient

    def failures(self) -> list[str]:
        """As Prometheus reads them."""
        lines = self.container.metrics().exposition().decode().splitlines()
        return [line for line in lines if line.startswith("concert_failures_total{")]


@asynccontextmanager
async def inside(container: Container) -> AsyncIterator[Inside]:
    """The API in this very process."""
    settings = container.settings()
    await migrate_database(settings)
    async with opened(container):
        await load_demo(container)
        api = build_api(settings, container.services(), correlate=correlate, exposition=container.metrics().exposition)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://inside") as http:
            yield Inside(container, http)


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(settings=read_settings({"CONCERT_DATA_DIR": str(tmp_path)}))


@pytest.fixture
def written() -> Iterator[Lines]:
    lines = Lines()
    logging.getLogger().addHandler(lines)
    yield lines
    logging.getLogger().removeHandler(lines)


async def test_an_unhandled_exception_is_masked_counted_and_written_down(container: Container, written: Lines) -> None:
    container.concerts.override(providers.Singleton(Broken, container.database, ZeroDivisionError("nobody foresaw it")))
    async with inside(container) as api:
        with pytest.raises(Refused) as refused:
            await Client(api.http).ask(CONCERTS)
        assert api.failures() == ['concert_failures_total{kind="unhandled_exception",step="edge"} 1.0']
        assert (await api.http.get("/healthz")).status_code == 200
        assert (await Client(api.http).ask("{ __typename }")) == {"__typename": "Query"}
    [error] = refused.value.errors
    assert error["extensions"]["code"] == "INTERNAL"
    assert "foresaw" not in str(error)
    [(record, bound)] = written.records
    assert (record.levelname, vars(record)["kind"]) == ("ERROR", "ZeroDivisionError")
    assert bound["correlation_id"] == error["extensions"]["correlationId"]


@pytest.mark.parametrize(("shortage", "kind"), [(False, "slow_query_io"), (True, "lack_of_resource")])
async def test_a_store_that_is_away_is_said_and_counted(container: Container, written: Lines, shortage: bool, kind: str) -> None:
    container.concerts.override(providers.Singleton(Broken, container.database, StoreUnavailable("away", shortage=shortage)))
    async with inside(container) as api:
        with pytest.raises(Refused) as refused:
            await Client(api.http).ask(CONCERTS)
        assert api.failures() == [f'concert_failures_total{{kind="{kind}",step="edge"}} 1.0']
    assert refused.value.codes == ["OVERLOADED"]
    [(record, bound)] = written.records
    assert (vars(record)["fault"], vars(record)["detail"]) == ("StoreUnavailable", "away")
    assert len(bound["correlation_id"]) == 32


async def test_a_full_waiting_room_is_said_at_once_and_counted(container: Container, written: Lines) -> None:
    container.unit_of_work.add_kwargs(waiting=0)
    async with inside(container) as api:
        with pytest.raises(Refused) as refused:
            await Client(api.http).ask(SIGN_IN, name="Minji", phone=PHONE)
        assert api.failures() == ['concert_failures_total{kind="lack_of_resource",step="waiting_room"} 1.0']
    assert [error["extensions"] for error in refused.value.errors] == [{"code": "OVERLOADED", "retryAfterSeconds": 1}]
    assert [(record.getMessage(), len(bound["correlation_id"])) for record, bound in written.records] == [("there is no room for more", 32)]


async def test_a_locked_database_is_counted_try_by_try_and_no_line_names_the_person(
    container: Container, written: Lines, caplog: pytest.LogCaptureFixture
) -> None:
    container.retrying.add_kwargs(patience=2.5)
    async with inside(container) as api:
        fan = await guest(api.http)
        file = str(container.settings().database_url).removeprefix("sqlite:///")
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(Refused) as refused:
                await fan.ask("mutation($p: String!) { updateContact(phone: $p) { phone } }", p=PHONE)
            failures = dict(line.rsplit(" ", 1) for line in api.failures())
        finally:
            other.close()
    assert refused.value.codes == ["OVERLOADED"]
    # A try waits two seconds for the file; the second is cut short, for it would be waited for longer than a caller does.
    assert failures == {
        'concert_failures_total{kind="slow_query_io",step="payment"}': "2.0",
        'concert_failures_total{kind="slow_query_io",step="load"}': "1.0",
    }
    tries = [(vars(record)["fault"], bound["correlation_id"]) for record, bound in written.records if record.getMessage() == "a failure"]
    assert [fault for fault, _ in tries] == ["NotCommitted", "TimeoutError"]
    assert len({correlation_id for _, correlation_id in tries}) == 1
    assert "1234" not in caplog.text
    assert "1234" not in repr([vars(record) for record, _ in written.records])
