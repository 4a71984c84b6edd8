"""What the edge lets through and what it does not, and how it says so."""

import asyncio
import json
import time
from typing import Any

import httpx
import jwt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.api.client import CANCEL, CONCERTS, HOLD, JOIN, ME, PAY, POSITION, SEATS, Client, Refused, admitted, guest
from tests.api.server import Server

TRANSPORT = [Subprotocol("graphql-transport-ws")]
CREATE = """mutation($input: CreateConcertInput!) { createConcert(input: $input) { __typename
  ... on CreateConcertSuccess { concert { id title performances { id grades { total } } } } } }"""


async def codes(client: Client, query: str, **variables: Any) -> list[str]:
    with pytest.raises(Refused) as refused:
        await client.ask(query, **variables)
    return refused.value.codes


def concert_input(**changes: Any) -> dict[str, Any]:
    section = {"name": "A", "rows": 2, "seatsPerRow": 5, "grade": "R", "price": 1000}
    return {
        "title": "A rehearsal",
        "artist": "Nobody",
        "queueOpensAt": "2026-01-01T00:00:00+09:00",
        "salesOpenAt": "2026-01-01T00:00:00+09:00",
        "salesCloseAt": "2099-01-01T00:00:00+09:00",
        "performances": [{"venue": "Hall", "startsAt": "2099-01-02T00:00:00+09:00", "sections": [section]}],
        **changes,
    }


# --- who is asking --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "query", ["{ viewer { points } }", "{ operations { outboxBacklog } }", 'mutation { updateContact(phone: "01012345678") { phone } }']
)
async def test_what_is_personal_takes_a_person(http: httpx.AsyncClient, query: str) -> None:
    assert await codes(Client(http), query) == ["UNAUTHENTICATED"]


async def test_every_mutation_on_a_booking_takes_a_person(http: httpx.AsyncClient) -> None:
    assert await codes(Client(http), HOLD, performanceId="x", seatIds=[], token="t", key="k") == ["UNAUTHENTICATED"]
    assert await codes(Client(http), PAY, id="x", token="t", key="k") == ["UNAUTHENTICATED"]
    assert await codes(Client(http), CANCEL, id="x", key="k") == ["UNAUTHENTICATED"]
    assert await codes(Client(http), JOIN, concertId="x") == ["UNAUTHENTICATED"]


async def test_a_token_that_is_not_ours_is_nobody_s(http: httpx.AsyncClient) -> None:
    forged = jwt.encode({"sub": "a", "exp": int(time.time()) + 60}, b"x" * 32, algorithm="HS256")
    assert await codes(Client(http, forged), "{ viewer { points } }") == ["UNAUTHENTICATED"]
    assert (await Client(http, forged).ask("{ concerts { edges { cursor } } }"))["concerts"]["edges"] != []


async def test_a_socket_with_a_wrong_token_is_closed(server: Server) -> None:
    async with connect(server.url.replace("http", "ws") + "/graphql", subprotocols=TRANSPORT) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": "Bearer nonsense"}}))
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4403


async def test_a_socket_does_not_outlive_its_token(server: Server) -> None:
    secret = json.loads((server.data_dir / "secrets.json").read_text())["jwt_secret"]
    token = jwt.encode({"sub": "a", "exp": int(time.time()) + 2}, secret, algorithm="HS256")
    async with connect(server.url.replace("http", "ws") + "/graphql", subprotocols=TRANSPORT) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 10)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4403


async def test_only_operators_operate(http: httpx.AsyncClient, operator: Client) -> None:
    fan = await guest(http)
    assert await codes(fan, CREATE, input=concert_input()) == ["FORBIDDEN"]
    assert await codes(fan, "{ operations { outboxBacklog } }") == ["FORBIDDEN"]
    answer = await operator.ask("{ operations { outboxBacklog servers { server answers } } }")
    assert answer["operations"]["servers"] == [{"server": "database", "answers": True}, {"server": "redis", "answers": True}]


# --- what belongs to others -----------------------------------------------------------------------------------------
async def test_another_person_s_booking_is_none(http: httpx.AsyncClient) -> None:
    owner, other = await guest(http), await guest(http)
    concert = (await owner.ask(CONCERTS))["concerts"]["edges"][0]["node"]
    performance = concert["performances"][1]["id"]
    token = await admitted(owner, concert["id"])
    seats = (await owner.ask(SEATS, id=performance, first=1, status="AVAILABLE"))["performance"]["seats"]["edges"]
    held = (await owner.ask(HOLD, performanceId=performance, seatIds=[seats[0]["node"]["id"]], token=token, key="h"))["holdSeats"]
    reservation = held["reservation"]["id"]
    paid = (await owner.ask(PAY, id=reservation, token=token, key="p"))["pay"]
    payment, ticket = paid["payment"]["id"], paid["tickets"][0]["id"]
    node = "query($id: ID!) { node(id: $id) { __typename id } }"
    for own, kind in ((reservation, "Reservation"), (payment, "Payment"), (ticket, "Ticket")):
        assert await owner.ask(node, id=own) == {"node": {"__typename": kind, "id": own}}
        assert await other.ask(node, id=own) == {"node": None}
        assert await codes(Client(http), node, id=own) == ["UNAUTHENTICATED"]
    assert await other.ask("query($id: ID!) { reservation(id: $id) { id } }", id=reservation) == {"reservation": None}
    assert (await other.ask(CANCEL, id=reservation, key="c"))["cancelReservation"]["code"] == "RESERVATION_NOT_FOUND"
    assert (await other.ask(PAY, id=reservation, token=token, key="p"))["pay"]["code"] == "RESERVATION_NOT_FOUND"
    assert await codes(other, "query($value: String!) { queueToken(value: $value) { state } }", value=token) == ["QUEUE_TOKEN_INVALID"]
    with pytest.raises(Refused) as refused:
        await other.first("subscription($id: ID!) { paymentUpdates(paymentId: $id) { status } }", id=payment)
    assert refused.value.codes == ["NOT_FOUND"]
    with pytest.raises(Refused) as refused:
        await other.first(POSITION, token=token)
    assert [error["extensions"] for error in refused.value.errors] == [{"code": "QUEUE_TOKEN_INVALID", "reason": "WRONG_USER"}]
    assert (await owner.ask("query($id: ID!) { reservation(id: $id) { status } }", id=reservation))["reservation"]["status"] == "CONFIRMED"


async def test_what_is_public_is_found_by_anyone(http: httpx.AsyncClient) -> None:
    nobody = Client(http)
    concert = (await nobody.ask(CONCERTS))["concerts"]["edges"][0]["node"]
    performance = concert["performances"][0]["id"]
    seat = (await nobody.ask(SEATS, id=performance, first=1))["performance"]["seats"]["edges"][0]["node"]["id"]
    for own, kind in ((concert["id"], "Concert"), (performance, "Performance"), (seat, "Seat")):
        answer = await nobody.ask("query($id: ID!) { node(id: $id) { __typename id } }", id=own)
        assert answer == {"node": {"__typename": kind, "id": own}}


# --- malformed requests ---------------------------------------------------------------------------------------------
async def test_malformed_values_are_bad_input(http: httpx.AsyncClient) -> None:
    fan = await guest(http)
    concert = (await fan.ask(CONCERTS))["concerts"]["edges"][0]["node"]
    performance = concert["performances"][0]["id"]
    seat = (await fan.ask(SEATS, id=performance, first=1))["performance"]["seats"]["edges"][0]["node"]["id"]
    good: dict[str, Any] = {"performanceId": performance, "seatIds": [seat], "token": "t", "key": "k"}
    bad: list[tuple[str, dict[str, Any]]] = [
        (HOLD, {**good, "seatIds": []}),
        (HOLD, {**good, "seatIds": [seat, seat]}),
        (HOLD, {**good, "seatIds": ["x"]}),
        (HOLD, {**good, "seatIds": [seat] * 100}),
        (HOLD, {**good, "performanceId": concert["id"]}),
        (HOLD, {**good, "key": ""}),
        (HOLD, {**good, "key": "k" * 129}),
        (HOLD, {**good, "key": "a b"}),
        (HOLD, {**good, "key": "키"}),
        (HOLD, {**good, "key": "a\n"}),
        (PAY, {"id": seat, "token": "t", "key": "k"}),
        (PAY, {"id": "x", "token": "t", "key": "k", "method": "CARD"}),
        (CANCEL, {"id": "", "key": "k"}),
        (JOIN, {"concertId": performance}),
        (SEATS, {"id": performance, "first": 501}),
        (SEATS, {"id": performance, "first": 0}),
        (SEATS, {"id": performance, "after": "x"}),
        ("query($n: Int!) { concerts(first: $n) { edges { cursor } } }", {"n": 101}),
        ("query($n: Int!) { concerts(first: $n) { edges { cursor } } }", {"n": 2**31}),
        ("query($n: Int!) { viewer { reservations(first: $n) { edges { cursor } } } }", {"n": -1}),
        ('{ node(id: "x") { id } }', {}),
        ("{ nothing }", {}),
        ("{", {}),
        ('mutation { updateContact(phone: "12") { phone } }', {}),
        ('mutation { signInAsGuest(name: " ", phone: "01012345678") { userId } }', {}),
    ]
    for query, variables in bad:
        assert await codes(fan, query, **variables) == ["BAD_INPUT"], (query, variables)


async def test_a_wrong_queue_token_is_refused_with_its_reason(http: httpx.AsyncClient) -> None:
    fan = await guest(http)
    concert = (await fan.ask(CONCERTS))["concerts"]["edges"][0]["node"]
    performance = concert["performances"][0]["id"]
    seat = (await fan.ask(SEATS, id=performance, first=1))["performance"]["seats"]["edges"][0]["node"]["id"]
    refused = (await fan.ask(HOLD, performanceId=performance, seatIds=[seat], token="nonsense", key="k"))["holdSeats"]
    assert (refused["__typename"], refused["code"], refused["reason"]) == ("QueueTokenInvalid", "QUEUE_TOKEN_INVALID", "MALFORMED")
    joined = (await fan.ask(JOIN, concertId=concert["id"], resumeToken="nonsense"))["joinQueue"]
    assert joined["__typename"] == "QueueTokenInvalid"


async def test_refusals_are_worded_in_the_reader_s_language(http: httpx.AsyncClient) -> None:
    fan = await guest(http)
    unknown = (await fan.ask(CONCERTS))["concerts"]["edges"][0]["node"]["id"][:-4] + "AAAA"
    english = (await fan.ask(JOIN, concertId=unknown))["joinQueue"]
    assert english == {
        "__typename": "ConcertNotFound",
        "code": "CONCERT_NOT_FOUND",
        "message": "There is no such concert.",
        "retryable": False,
    }
    for header, message in (
        ("ko-KR,ko;q=0.9,en;q=0.8", "콘서트를 찾을 수 없습니다."),
        ("fr", "콘서트를 찾을 수 없습니다."),
        ("en-US,ko;q=0.5", "There is no such concert."),
    ):
        fan.language = header
        assert (await fan.ask(JOIN, concertId=unknown))["joinQueue"]["message"] == message


async def test_what_a_card_may_buy_in_points_is_bounded_and_takes_an_order(http: httpx.AsyncClient) -> None:
    fan = await guest(http)
    prepare = "mutation($amount: Int!) { prepareTopUp(input: {amount: $amount}) { __typename ... on InvalidAmount { minimum maximum } } }"
    assert (await fan.ask(prepare, amount=5000))["prepareTopUp"] == {"__typename": "PaymentOrder"}
    for amount in (999, 1_000_001, 0, -1):
        assert (await fan.ask(prepare, amount=amount))["prepareTopUp"] == {
            "__typename": "InvalidAmount",
            "minimum": 1000,
            "maximum": 1_000_000,
        }
    top_up = """mutation($amount: Int!, $key: String!) {
      topUpPoints(input: {orderId: "o", amount: $amount, paymentKey: "p", idempotencyKey: $key}) { __typename } }"""
    assert (await fan.ask(top_up, amount=1_000_000, key="k"))["topUpPoints"] == {"__typename": "InvalidAmount"}
    assert (await fan.ask(top_up, amount=999, key="k"))["topUpPoints"] == {"__typename": "InvalidAmount"}
    assert await codes(fan, top_up, amount=999, key="") == ["BAD_INPUT"]
    assert (await fan.ask(ME))["viewer"]["points"] == 1_000_000


# --- operators ------------------------------------------------------------------------------------------------------
async def test_an_operator_puts_a_concert_on_sale_and_moves_its_levers(http: httpx.AsyncClient, operator: Client) -> None:
    concert = (await operator.ask(CREATE, input=concert_input()))["createConcert"]["concert"]
    assert concert["title"] == "A rehearsal"
    assert [performance["grades"] for performance in concert["performances"]] == [[{"total": 10}]]
    levers = "... on QueueLevers { status capacity rate } ... on Error { code }"
    paused = await operator.ask(f"mutation($id: ID!) {{ pauseQueue(concertId: $id) {{ {levers} }} }}", id=concert["id"])
    assert paused["pauseQueue"] == {"status": "PAUSED", "capacity": 500, "rate": 50}
    fan = await guest(http)
    joined = (await fan.ask(JOIN, concertId=concert["id"]))["joinQueue"]["queueToken"]
    assert (joined["state"], joined["phase"], joined["position"]) == ("WAITING", "PAUSED", 1)
    change = f"mutation($id: ID!) {{ setQueueLevers(input: {{concertId: $id, rate: 7}}) {{ {levers} }} }}"
    assert (await operator.ask(change, id=concert["id"]))["setQueueLevers"] == {"status": "PAUSED", "capacity": 500, "rate": 7}
    resumed = await operator.ask(f"mutation($id: ID!) {{ resumeQueue(concertId: $id) {{ {levers} }} }}", id=concert["id"])
    assert resumed["resumeQueue"] == {"status": "OPEN", "capacity": 500, "rate": 7}
    await admitted(fan, concert["id"])
    closed = await operator.ask(f"mutation($id: ID!) {{ closeQueue(concertId: $id) {{ {levers} }} }}", id=concert["id"])
    assert closed["closeQueue"] == {"status": "CLOSED", "capacity": 500, "rate": 7}
    assert (await (await guest(http)).ask(JOIN, concertId=concert["id"]))["joinQueue"]["reason"] == "CLOSED_BY_OPERATOR"
    assert await codes(operator, f'mutation {{ pauseQueue(concertId: "x") {{ {levers} }} }}') == ["BAD_INPUT"]


async def test_a_concert_that_cannot_be_is_bad_input(operator: Client) -> None:
    huge = {"name": "A", "rows": 1000, "seatsPerRow": 1000, "grade": "R", "price": 1000}
    wrong: list[dict[str, Any]] = [
        {"title": " "},
        {"title": "x" * 201},
        {"performances": []},
        {"purchaseLimit": 0},
        {"capacity": 0},
        {"rate": 0},
        {"salesCloseAt": "2020-01-01T00:00:00+09:00"},
        {"queueOpensAt": "2026-01-01T00:00:00"},
        {"performances": [{"venue": "Hall", "startsAt": "2099-01-02T00:00:00+09:00", "sections": [huge]}]},
        {"performances": [{"venue": "Hall", "startsAt": "2099-01-02T00:00:00+09:00", "sections": []}]},
    ]
    for change in wrong:
        assert await codes(operator, CREATE, input=concert_input(**change)) == ["BAD_INPUT"], change


# --- documents and transports ---------------------------------------------------------------------------------------
def nested(depth: int) -> str:
    return "{ concerts { edges { node { " + "performances { concert { " * depth + "id" + " } }" * depth + " } } } }"


async def test_large_documents_are_refused_and_usual_ones_served(http: httpx.AsyncClient) -> None:
    nobody = Client(http)
    assert (await nobody.post(nested(2))).keys() == {"data"}
    bombs = [
        nested(15),
        "{ " + " ".join(f"a{index}: __typename" for index in range(101)) + " }",
        "{ " + "concerts { edges { cursor } } " * 500 + "}",
        "query A { __typename } " * 1000,
        "{ ...f0 } "
        + " ".join(f"fragment f{i} on Query {{ ...f{i + 1} ...f{i + 1} }}" for i in range(60))
        + " fragment f60 on Query { __typename }",
        "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
        "{ __typename " + "@skip(if: false) " * 200 + "}",
    ]
    for bomb in bombs:
        began = time.monotonic()
        errors = (await nobody.post(bomb))["errors"]
        assert time.monotonic() - began < 2
        assert len(errors) <= 6 and {error["extensions"]["code"] for error in errors} == {"BAD_INPUT"}


@pytest.mark.parametrize(
    "body", [b"null", b"1", b'"x"', b"\xff\xfe", b"[" * 3000, b'{"query": NaN}', b"{}", b'{"query": null}', b'{"query": 1}', b"", b"[]"]
)
async def test_what_is_no_request_is_a_client_s_fault(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_INPUT"


async def test_bodies_are_bounded(http: httpx.AsyncClient) -> None:
    answer = await http.post("/graphql", content=b" " * 300_000, headers={"content-type": "application/json"})
    assert answer.status_code == 413


async def test_a_subscription_by_post_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post("/graphql", json={"query": POSITION, "variables": {"token": "t"}})
    assert answer.status_code == 400


async def test_a_mutation_by_get_is_refused(http: httpx.AsyncClient) -> None:
    mutation = 'mutation { signInAsGuest(name: "a", phone: "01012345678") { userId } }'
    assert (await http.get("/graphql", params={"query": mutation})).status_code == 400
    assert (await http.get("/graphql", params={"query": "{ concerts { edges { cursor } } }"})).status_code == 200


@pytest.mark.parametrize("message", ["null", "[]", "1", "{", "{}", '{"type": "subscribe"}'])
async def test_a_malformed_socket_message_closes_the_socket(server: Server, message: str) -> None:
    async with connect(server.url.replace("http", "ws") + "/graphql", subprotocols=TRANSPORT) as socket:
        await socket.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 5)
    assert closed.value.rcvd is not None and closed.value.rcvd.code in (4400, 4401)


async def test_foreign_pages_open_no_socket(server: Server) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(server.url.replace("http", "ws") + "/graphql", subprotocols=TRANSPORT, origin="https://evil.example")  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403


async def test_answers_carry_a_correlation_id_and_name_no_server(http: httpx.AsyncClient) -> None:
    answer = await http.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert len(answer.headers["x-correlation-id"]) == 32
    assert "server" not in answer.headers


async def test_the_walk_and_graphiql_are_served(http: httpx.AsyncClient) -> None:
    for path in ("/", "/graphql"):
        page = await http.get(path, headers={"accept": "text/html"})
        assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
        assert "signInAsGuest" in page.text and "queuePosition" in page.text
    assert (await http.get("/mailbox")).status_code == 200


async def test_metrics_are_exposed(http: httpx.AsyncClient) -> None:
    await http.get("/readyz")
    text = (await http.get("/metrics")).text
    assert 'concert_ready{server="database"} 1.0' in text
    assert "concert_metrics_dropped_total{" not in text
