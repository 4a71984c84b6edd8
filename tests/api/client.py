"""A client of the public API, as far as its tests need one."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

PATIENCE = 20.0


class Refused(AssertionError):
    """The answer has ``errors``."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(json.dumps(errors, ensure_ascii=False))
        self.errors = errors

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.errors]


class Client:
    """One person: what they ask carries their token."""

    def __init__(self, http: httpx.AsyncClient, token: str | None = None, language: str = "en") -> None:
        self.http = http
        self.token = token
        self.language = language

    async def post(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer, errors and all."""
        headers = {"accept-language": self.language, **({"authorization": f"Bearer {self.token}"} if self.token else {})}
        answer = await self.http.post("/graphql", json={"query": query, "variables": variables}, headers=headers, timeout=PATIENCE)
        body: dict[str, Any] = answer.json()
        return body

    async def ask(self, query: str, **variables: Any) -> Any:
        """The data. Raises Refused."""
        body = await self.post(query, **variables)
        if "errors" in body:
            raise Refused(body["errors"])
        return body["data"]

    async def watch(self, query: str, **variables: Any) -> AsyncGenerator[Any, None]:
        """Each answer of a subscription until it ends. Raises Refused, and ConnectionClosed with the socket's code."""
        url = str(self.http.base_url).replace("http", "ws", 1).rstrip("/") + "/graphql"
        async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None) as socket:
            payload = {"authorization": f"Bearer {self.token}"} if self.token else None
            await socket.send(json.dumps({"type": "connection_init", **({"payload": payload} if payload else {})}))
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query, "variables": variables}}))
            while (message := json.loads(await socket.recv()))["type"] != "complete":
                if message["type"] == "error":
                    raise Refused(message["payload"])
                if message["payload"].get("errors"):
                    raise Refused(message["payload"]["errors"])
                yield message["payload"]["data"]

    async def first(self, query: str, **variables: Any) -> Any:
        """The first answer of a subscription."""
        async with aclosing(self.watch(query, **variables)) as answers:
            return await anext(answers)


SIGN_IN = "mutation($name: String!, $phone: String!) { signInAsGuest(name: $name, phone: $phone) { accessToken userId expiresAt } }"
CONCERTS = """{ concerts(first: 5) { edges { node { id title purchaseLimit queue { capacity }
  performances { id grades { grade price total available } } } } } }"""
JOIN = """mutation($concertId: ID!, $resumeToken: String) { joinQueue(input: {concertId: $concertId, resumeToken: $resumeToken}) {
  __typename ... on JoinQueueSuccess { queueToken { value state phase condition number position } }
  ... on SalesClosed { reason } ... on Error { code message retryable } } }"""
POSITION = "subscription($token: String!) { queuePosition(queueToken: $token) { value state phase condition number position expiresAt } }"
SEATS = """query($id: ID!, $first: Int, $after: String, $status: SeatStatus) { performance(id: $id) {
  seats(first: $first, after: $after, status: $status) { changesCursor pageInfo { hasNextPage endCursor }
  edges { cursor node { id section row number grade price status } } } } }"""
HOLD = """mutation($performanceId: ID!, $seatIds: [ID!]!, $token: String!, $key: String!) {
  holdSeats(input: {performanceId: $performanceId, seatIds: $seatIds, queueToken: $token, idempotencyKey: $key}) { __typename
    ... on HoldSeatsSuccess { reservation { id status totalPrice expiresAt seats { id status } } queueToken { value state expiresAt } }
    ... on HoldAlreadyOpen { reservation { id } } ... on SeatsUnavailable { seatIds } ... on PurchaseLimitExceeded { limit remaining }
    ... on QueueTokenInvalid { reason } ... on Error { code message retryable } } }"""
PAY = """mutation($id: ID!, $token: String!, $key: String!, $method: PaymentMethod! = POINTS) {
  pay(input: {reservationId: $id, queueToken: $token, idempotencyKey: $key, method: $method}) { __typename
    ... on PaySuccess { payment { id status method amount pointsAmount cardAmount paidAt } tickets { id code seat { id status } } balance }
    ... on QueueTokenInvalid { reason } ... on InsufficientPoints { balance required } ... on ReservationAlreadyPaid { payment { id } }
    ... on ServiceUnavailable { retryAfterSeconds } ... on Error { code message retryable } } }"""
CANCEL = """mutation($id: ID!, $key: String!) { cancelReservation(input: {reservationId: $id, idempotencyKey: $key}) { __typename
    ... on CancelReservationSuccess { reservation { id status } refundedPoints refundedCard } ... on Error { code message retryable } } }"""
ME = """{ viewer { userId phone points reservations(first: 10) { edges { node { id status tickets { code } payment { id status } } } }
  pointLedger(first: 10) { edges { node { kind amount balanceAfter } } } } }"""


async def guest(http: httpx.AsyncClient, phone: str = "010-1234-5678") -> Client:
    session = (await Client(http).ask(SIGN_IN, name="Minji", phone=phone))["signInAsGuest"]
    return Client(http, session["accessToken"])


async def admitted(person: Client, concert_id: str) -> str:
    """Joins and waits for the pass; the token to book with."""
    token: str = (await person.ask(JOIN, concertId=concert_id))["joinQueue"]["queueToken"]["value"]
    async with aclosing(person.watch(POSITION, token=token)) as standings:
        async for standing in standings:
            token = standing["queuePosition"]["value"]
            if standing["queuePosition"]["state"] == "ACTIVE":
                return token
    raise ConnectionClosed(None, None)
