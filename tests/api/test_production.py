"""The production profile: APIs and roles as processes of their own, on real MySQL, Redis and Kafka."""

import asyncio
import signal
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.client import CANCEL, HOLD, JOIN, ME, PAY, POSITION, SEATS, Client, Refused, guest
from tests.api.server import Server, free_port

CREATE = """mutation($input: CreateConcertInput!) { createConcert(input: $input) {
  ... on CreateConcertSuccess { concert { id performances { id } } } } }"""


@dataclass
class Production:
    first: Server
    second: Server
    mailbox: str


@pytest.fixture
def production(tmp_path: Path, mysql_database: str, redis_url: str, kafka_bootstrap: str) -> Iterator[Production]:
    """Two API processes over one worker with all roles, migrated, with the demo on sale and the providers simulated."""
    simulators = free_port()
    settings = {
        "PROFILE": "production",
        "DATABASE_URL": mysql_database,
        "REDIS_URL": redis_url,
        "KAFKA_BOOTSTRAP": kafka_bootstrap,
        "KAFKA_PREFIX": f"{uuid4().hex}-",
        "JWT_SECRET": uuid4().hex,
        "QUEUE_TOKEN_KEYS": f"k1:{b64encode(uuid4().bytes * 2).decode()}",
        "TICKET_SECRET": uuid4().hex,
        "GUESTS": "true",
        **{
            f"{provider}_{name}": "simulated"
            for provider, sender in (("ALIMTALK", "SENDER_KEY"), ("SMS", "SENDER_NUMBER"))
            for name in ("APPKEY", "SECRET_KEY", sender)
        },
        "ALIMTALK_URL": f"http://127.0.0.1:{simulators}",
        "SMS_URL": f"http://127.0.0.1:{simulators}",
        "TOSS_URL": f"http://127.0.0.1:{simulators}/simulator/tosspayments",
        "TOSS_SECRET_KEY": "test_sk_simulated",
        "TOSS_CLIENT_KEY": "test_ck_simulated",
    }
    first, second = (Server(tmp_path / name, free_port(), command="api", **settings) for name in ("first", "second"))
    first.run("migrate")
    with ExitStack() as stack:
        for arguments in (("simulators", "--port", str(simulators), "--data-dir", str(tmp_path)), ("worker",)):
            stack.callback(ended, first.beside(*arguments))
        for server in (first, second):
            server.start()
            stack.callback(stopped, server)
        yield Production(first, second, f"http://127.0.0.1:{simulators}/mailbox.json")


def ended(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(20) == 0
    finally:
        process.kill()


def stopped(server: Server) -> None:
    assert server.stop() == 0


async def mails(url: str, phone: str) -> list[dict[str, Any]]:
    async with httpx.AsyncClient() as http, asyncio.timeout(40):
        while True:
            found: list[dict[str, Any]] = (await http.get(url, params={"phone": phone})).json()["mails"]
            if found:
                return found
            await asyncio.sleep(0.2)


async def test_the_walk_over_two_apis_and_a_worker(production: Production) -> None:
    async with (
        httpx.AsyncClient(base_url=production.first.url) as http,
        httpx.AsyncClient(base_url=production.second.url) as other_http,
    ):
        operator = Client(http, production.first.run("token", "--role", "operator").strip())
        section = {"name": "A", "rows": 2, "seatsPerRow": 5, "grade": "R", "price": 90_000}
        evening = {"venue": "Hall", "startsAt": "2099-01-02T00:00:00+09:00", "sections": [section]}
        opened, closed = "2026-01-01T00:00:00+09:00", "2099-01-01T00:00:00+09:00"
        plan = {
            "title": "T",
            "artist": "A",
            "queueOpensAt": opened,
            "salesOpenAt": opened,
            "salesCloseAt": closed,
            "performances": [evening],
        }
        concert = (await operator.ask(CREATE, input=plan))["createConcert"]["concert"]
        performance = concert["performances"][0]["id"]

        fan = await guest(http, "010-4000-0001")
        elsewhere = Client(other_http, fan.token)
        token = (await fan.ask(JOIN, concertId=concert["id"]))["joinQueue"]["queueToken"]["value"]
        async with aclosing(elsewhere.watch(POSITION, token=token)) as standings:
            states = [standing["queuePosition"]["state"] async for standing in standings]
        assert states[-1] == "ACTIVE"
        page = (await elsewhere.ask(SEATS, id=performance, first=2, status="AVAILABLE"))["performance"]["seats"]
        seats = [edge["node"]["id"] for edge in page["edges"]]
        changes = "subscription($id: ID!, $after: String) { seatChanges(performanceId: $id, after: $after) { reset seats { id status } } }"
        watching = asyncio.create_task(elsewhere.first(changes, id=performance, after=page["changesCursor"]))
        held = (await fan.ask(HOLD, performanceId=performance, seatIds=seats, token=token, key="h"))["holdSeats"]
        assert held["__typename"] == "HoldSeatsSuccess"
        seen = (await asyncio.wait_for(watching, 10))["seatChanges"]
        assert {seat["id"]: seat["status"] for seat in seen["seats"]} == dict.fromkeys(seats, "HELD")
        reservation = held["reservation"]["id"]
        answers = await asyncio.gather(
            *((fan, elsewhere)[number % 2].ask(PAY, id=reservation, token=held["queueToken"]["value"], key="p") for number in range(20))
        )
        assert all(answer == answers[0] for answer in answers)
        assert answers[0]["pay"]["__typename"] == "PaySuccess" and answers[0]["pay"]["balance"] == 820_000
        assert [mail["kind"] for mail in await mails(production.mailbox, "01040000001")] == ["ALIMTALK"]
        assert (await elsewhere.ask(CANCEL, id=reservation, key="c"))["cancelReservation"]["refundedPoints"] == 180_000
        me = (await fan.ask(ME))["viewer"]
        assert (me["points"], [edge["node"]["amount"] for edge in me["pointLedger"]["edges"]]) == (
            1_000_000,
            [180_000, -180_000, 1_000_000],
        )

        with pytest.raises(Refused) as refused:
            await fan.ask("{ __schema { types { name } } }")
        assert set(refused.value.codes) == {"BAD_INPUT"}
        with pytest.raises(Refused) as refused:
            await fan.ask("{ viewr { points } }")
        assert "Did you mean" not in str(refused.value)
        assert (await http.get("/graphql", headers={"accept": "text/html"})).status_code == 404
        assert (await http.get("/")).status_code == 404
