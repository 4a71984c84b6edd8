"""The whole walk over real HTTP and WebSocket, as the embedded default serves it."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.api.client import CANCEL, CONCERTS, HOLD, JOIN, ME, PAY, POSITION, SEATS, Client, admitted, guest

SEAT_CHANGES = """subscription($id: ID!, $after: String) { seatChanges(performanceId: $id, after: $after) {
  cursor reset seats { id status } } }"""
PAYMENT = "subscription($id: ID!) { paymentUpdates(paymentId: $id) { id status } }"


async def demo(client: Client) -> dict[str, Any]:
    concert: dict[str, Any] = (await client.ask(CONCERTS))["concerts"]["edges"][0]["node"]
    return concert


async def free_seats(client: Client, performance_id: str, count: int) -> tuple[list[str], str]:
    """Free seats at random from the first 300, and the cursor from which changes go on."""
    seats = (await client.ask(SEATS, id=performance_id, first=count, status="AVAILABLE"))["performance"]["seats"]
    return [edge["node"]["id"] for edge in seats["edges"]], seats["changesCursor"]


async def mails(http: httpx.AsyncClient, phone: str, count: int) -> list[dict[str, Any]]:
    """Waits until so many have arrived."""
    async with asyncio.timeout(10):
        while True:
            found: list[dict[str, Any]] = (await http.get("/mailbox.json", params={"phone": phone})).json()["mails"]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.1)


async def test_the_demo_concert_is_the_first_and_can_be_bought(http: httpx.AsyncClient) -> None:
    concert = await demo(Client(http))
    assert concert["title"] == "The First Snow"
    assert concert["purchaseLimit"] == 4
    assert concert["queue"] == {"capacity": 500}
    available = [grade["available"] for performance in concert["performances"] for grade in performance["grades"]]
    assert sum(available) >= 300


async def test_from_the_line_to_the_ticket_and_back(http: httpx.AsyncClient) -> None:
    fan = await guest(http, "010-2000-0001")
    concert = await demo(fan)
    performance = concert["performances"][0]["id"]

    joined = (await fan.ask(JOIN, concertId=concert["id"]))["joinQueue"]
    assert joined["__typename"] == "JoinQueueSuccess"
    token = joined["queueToken"]["value"]
    async with aclosing(fan.watch(POSITION, token=token)) as standings:
        seen = [standing["queuePosition"] async for standing in standings]
    assert seen[-1]["state"] == "ACTIVE" and seen[-1]["position"] is None
    assert {standing["number"] for standing in seen} == {joined["queueToken"]["number"]}
    token = seen[-1]["value"]

    seat_ids, cursor = await free_seats(fan, performance, 2)
    held = (await fan.ask(HOLD, performanceId=performance, seatIds=seat_ids, token=token, key="hold-1"))["holdSeats"]
    assert held["__typename"] == "HoldSeatsSuccess"
    reservation = held["reservation"]
    assert reservation["status"] == "PENDING"
    assert [seat["id"] for seat in reservation["seats"]] == seat_ids
    assert {seat["status"] for seat in reservation["seats"]} == {"HELD"}
    deadline = datetime.fromisoformat(held["queueToken"]["expiresAt"])
    assert deadline >= datetime.fromisoformat(reservation["expiresAt"]) + timedelta(seconds=30)

    changes = (await Client(http).first(SEAT_CHANGES, id=performance, after=cursor))["seatChanges"]
    assert {"id": seat_ids[0], "status": "HELD"} in changes["seats"] and not changes["reset"]

    paid = (await fan.ask(PAY, id=reservation["id"], token=held["queueToken"]["value"], key="pay-1"))["pay"]
    assert paid["__typename"] == "PaySuccess"
    assert paid["payment"]["status"] == "COMPLETED"
    assert paid["payment"]["amount"] == reservation["totalPrice"]
    assert paid["balance"] == 1_000_000 - reservation["totalPrice"]
    assert [ticket["seat"] for ticket in paid["tickets"]] == [{"id": seat_id, "status": "SOLD"} for seat_id in seat_ids]
    assert len({ticket["code"] for ticket in paid["tickets"]}) == 2
    again = (await fan.ask(PAY, id=reservation["id"], token=held["queueToken"]["value"], key="pay-1"))["pay"]
    assert again == paid
    async with aclosing(fan.watch(PAYMENT, id=paid["payment"]["id"])) as updates:
        assert [update["paymentUpdates"] async for update in updates] == [{"id": paid["payment"]["id"], "status": "COMPLETED"}]

    (mail,) = await mails(http, "01020000001", 1)
    assert mail["kind"] == "ALIMTALK" and "The First Snow" in mail["text"]

    me = (await fan.ask(ME))["viewer"]
    assert me["phone"] == "01020000001"
    assert [(edge["node"]["status"], len(edge["node"]["tickets"])) for edge in me["reservations"]["edges"]] == [("CONFIRMED", 2)]
    assert [edge["node"]["kind"] for edge in me["pointLedger"]["edges"]] == ["DEDUCT", "TOP_UP"]

    refund = (await fan.ask(CANCEL, id=reservation["id"], key="cancel-1"))["cancelReservation"]
    assert refund == {
        "__typename": "CancelReservationSuccess",
        "reservation": {"id": reservation["id"], "status": "CANCELLED"},
        "refundedPoints": reservation["totalPrice"],
        "refundedCard": 0,
    }
    me = (await fan.ask(ME))["viewer"]
    assert me["points"] == 1_000_000
    assert [edge["node"]["kind"] for edge in me["pointLedger"]["edges"]] == ["RESTORE", "DEDUCT", "TOP_UP"]
    assert len(await mails(http, "01020000001", 2)) == 2


async def test_a_hold_that_is_let_go_frees_its_seats(http: httpx.AsyncClient) -> None:
    fan = await guest(http)
    concert = await demo(fan)
    performance = concert["performances"][1]["id"]
    token = await admitted(fan, concert["id"])
    seat_ids, _ = await free_seats(fan, performance, 1)
    held = (await fan.ask(HOLD, performanceId=performance, seatIds=seat_ids, token=token, key="h"))["holdSeats"]["reservation"]
    other = await guest(http)
    token_of_other = await admitted(other, concert["id"])
    taken = (await other.ask(HOLD, performanceId=performance, seatIds=seat_ids, token=token_of_other, key="h"))["holdSeats"]
    assert (taken["__typename"], taken["seatIds"], taken["retryable"]) == ("SeatsUnavailable", seat_ids, True)
    assert (await fan.ask(CANCEL, id=held["id"], key="c"))["cancelReservation"]["refundedPoints"] == 0
    got = (await other.ask(HOLD, performanceId=performance, seatIds=seat_ids, token=token_of_other, key="h"))["holdSeats"]
    assert got["__typename"] == "HoldSeatsSuccess"
    assert (await other.ask(CANCEL, id=got["reservation"]["id"], key="c"))["cancelReservation"]["reservation"]["status"] == "CANCELLED"


async def test_an_open_hold_is_shown_to_who_wants_another(http: httpx.AsyncClient) -> None:
    fan = await guest(http)
    concert = await demo(fan)
    performance = concert["performances"][1]["id"]
    token = await admitted(fan, concert["id"])
    seat_ids, _ = await free_seats(fan, performance, 2)
    first = (await fan.ask(HOLD, performanceId=performance, seatIds=seat_ids[:1], token=token, key="1"))["holdSeats"]
    second = (await fan.ask(HOLD, performanceId=performance, seatIds=seat_ids[1:], token=token, key="2"))["holdSeats"]
    assert second["__typename"] == "HoldAlreadyOpen"
    assert second["reservation"] == {"id": first["reservation"]["id"]}
    assert second["code"] == "HOLD_ALREADY_OPEN"
    await fan.ask(CANCEL, id=first["reservation"]["id"], key="c")


async def test_a_hundred_fans_at_once_from_one_address(http: httpx.AsyncClient) -> None:
    """Sign-ins, joins and sockets at once; everyone is admitted, for 500 book at a time."""
    started = datetime.now(UTC)
    fans = await asyncio.gather(*(guest(http) for _ in range(100)))
    concert = await demo(fans[0])
    tokens = await asyncio.gather(*(admitted(fan, concert["id"]) for fan in fans))
    assert len(set(tokens)) == 100
    assert datetime.now(UTC) - started < timedelta(seconds=30)
