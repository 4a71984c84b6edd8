"""Processes start once and for all, end when they are told to, and go on where they were."""

import asyncio
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from entrypoints.cli import main
from entrypoints.graphql.schema import printed_schema
from tests.api.client import CONCERTS, HOLD, JOIN, ME, PAY, SEATS, Client, admitted, guest
from tests.api.server import Server, free_port


@pytest.fixture
def own_server(tmp_path: Path) -> Any:
    server = Server(tmp_path / "data", free_port())
    yield server
    server.stop(signal.SIGKILL)


async def paid(http: httpx.AsyncClient) -> tuple[Client, dict[str, Any], dict[str, Any]]:
    """A fan with a ticket, and one seat of theirs."""
    fan = await guest(http, "010-3000-0001")
    concert = (await fan.ask(CONCERTS))["concerts"]["edges"][0]["node"]
    performance = concert["performances"][0]["id"]
    token = await admitted(fan, concert["id"])
    seat = (await fan.ask(SEATS, id=performance, first=1, status="AVAILABLE"))["performance"]["seats"]["edges"][0]["node"]["id"]
    held = (await fan.ask(HOLD, performanceId=performance, seatIds=[seat], token=token, key="h"))["holdSeats"]
    answer = (await fan.ask(PAY, id=held["reservation"]["id"], token=token, key="p"))["pay"]
    assert answer["__typename"] == "PaySuccess"
    return fan, concert, {"reservation": held["reservation"]["id"], "token": token, "answer": answer}


async def mail_of(server: Server, phone: str) -> list[dict[str, Any]]:
    """What a killed process had claimed is claimable again when its lease of 30 seconds is over."""
    async with httpx.AsyncClient(base_url=server.url) as http, asyncio.timeout(60):
        while True:
            mails: list[dict[str, Any]] = (await http.get("/mailbox.json", params={"phone": phone})).json()["mails"]
            if mails:
                return mails
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_whole_within_seconds_and_a_second_start_goes_on(own_server: Server, number: int) -> None:
    own_server.start()
    async with httpx.AsyncClient(base_url=own_server.url) as http:
        fan, concert, bought = await paid(http)
    began = time.monotonic()
    assert own_server.stop(number) == 0
    assert time.monotonic() - began < 6

    own_server.start()
    async with httpx.AsyncClient(base_url=own_server.url) as http:
        again = Client(http, fan.token)
        me = (await again.ask(ME))["viewer"]
        assert [edge["node"]["status"] for edge in me["reservations"]["edges"]] == ["CONFIRMED"]
        repeated = (await again.ask(PAY, id=bought["reservation"], token=bought["token"], key="p"))["pay"]
        assert repeated == bought["answer"]
        (first, *_) = (await again.ask(CONCERTS))["concerts"]["edges"]
        assert first["node"]["id"] == concert["id"]
        assert (await again.ask(JOIN, concertId=concert["id"]))["joinQueue"]["__typename"] == "JoinQueueSuccess"
    assert len(await mail_of(own_server, "01030000001")) == 1


async def test_killed_in_the_middle_nothing_acknowledged_is_lost(own_server: Server) -> None:
    own_server.start()
    async with httpx.AsyncClient(base_url=own_server.url) as http:
        fan, _, bought = await paid(http)
        assert (await http.post("/webhooks/nhn/alimtalk", json={})).status_code == 404, "it has no secret to be shown"
        own_server.stop(signal.SIGKILL)
    own_server.start()
    async with httpx.AsyncClient(base_url=own_server.url) as http:
        again = (await Client(http, fan.token).ask(PAY, id=bought["reservation"], token=bought["token"], key="p"))["pay"]
    assert again == bought["answer"]
    assert [mail["kind"] for mail in await mail_of(own_server, "01030000001")] == ["ALIMTALK"]


async def test_open_sockets_do_not_hold_up_the_end(own_server: Server) -> None:
    own_server.start()
    async with httpx.AsyncClient(base_url=own_server.url) as http:
        performance = (await Client(http).ask(CONCERTS))["concerts"]["edges"][0]["node"]["performances"][0]["id"]
        watch = "subscription($id: ID!) { seatChanges(performanceId: $id) { cursor } }"
        watching = [asyncio.create_task(Client(http).first(watch, id=performance)) for _ in range(20)]
        await asyncio.sleep(1)
        began = time.monotonic()
        assert await asyncio.to_thread(own_server.stop) == 0
        assert time.monotonic() - began < 8
        ends = await asyncio.gather(*watching, return_exceptions=True)
    assert all(isinstance(end, Exception) for end in ends)


def test_what_it_writes_stays_in_the_data_directory(own_server: Server) -> None:
    own_server.start()
    own_server.stop()
    names = {path.name for path in own_server.data_dir.iterdir()}
    assert {"secrets.json", "concert.sqlite3"} <= names
    assert all(name.startswith(("secrets.json", "concert.sqlite3", "mailbox.sqlite3")) for name in names)
    with sqlite3.connect(own_server.data_dir / "concert.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM concerts").fetchone() == (1,)
    database.close()


def test_a_port_in_use_is_said_at_once(server: Server, tmp_path: Path) -> None:
    refused = Server(tmp_path / "other", int(server.url.rpartition(":")[2])).ran("serve")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "Address already in use" in refused.stderr and "Traceback" not in refused.stderr


def test_wrong_settings_are_said_by_name(tmp_path: Path) -> None:
    refused = Server(tmp_path / "data", 1, GUESTS="perhaps").ran("serve")
    assert (refused.returncode, refused.stderr) == (2, "CONCERT_GUESTS should be true or false\n")


def test_separate_processes_refuse_what_lives_inside_one(tmp_path: Path) -> None:
    refused = Server(tmp_path / "data", 1).ran("worker")
    assert refused.returncode == 1
    assert refused.stderr.endswith("run `concert serve`, or name a server\n")


def test_the_demo_can_be_put_on_sale_by_itself(tmp_path: Path) -> None:
    assert Server(tmp_path / "data", 1).run("demo-data") == ""
    with sqlite3.connect(tmp_path / "data" / "concert.sqlite3") as database:
        assert database.execute("SELECT title FROM concerts").fetchall() == [("The First Snow",)]
    database.close()


def test_the_commands_that_need_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CONCERT_DATA_DIR", str(tmp_path))
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == printed_schema()
    assert main(["token", "--role", "operator", "--subject", "ann"]) == 0
    claims = jwt.decode(capsys.readouterr().out.strip(), options={"verify_signature": False})
    assert (claims["sub"], claims["roles"]) == ("ann", ["operator"])
    assert main(["mailbox"]) == 0
    assert capsys.readouterr().out == ""
    with pytest.raises(SystemExit):
        main(["worker", "manager"])
    assert "manager" in capsys.readouterr().err
