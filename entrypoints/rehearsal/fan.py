"""One fan: from the door to the ticket, or to the reason why there is none."""

import asyncio
import random
import time
import uuid
from collections.abc import Mapping
from contextlib import aclosing
from datetime import datetime
from enum import Enum
from typing import Any

from entrypoints.rehearsal import documents
from entrypoints.rehearsal.client import GraphQLClient, RequestRefused, ServerUnreachable, SocketLost
from entrypoints.rehearsal.evidence import SOLD, Account, Admission, Booking, FanRecord, Joining, SoldTicket

MOST_SEATS = 4
SEAT_TRIES = 6
BUSY_TRIES = 5
SOCKET_TRIES = 20
ACCOUNT_PATIENCE = 60.0


class Character(Enum):
    """What a fan means to do. Most simply buy."""

    BUYS = "buys"
    LEAVES = "leaves the line while waiting"
    LETS_GO = "holds seats, and cancels the hold"
    CANCELS = "pays, and gives the tickets back"
    REPEATS = "sends the same payment again and again"


_CAST = {3: Character.LEAVES, 6: Character.LETS_GO, 9: Character.CANCELS, 12: Character.REPEATS}
_TROUPE = 16


def character_of(index: int) -> Character:
    """Of every sixteen fans four are not plain buyers, one of each kind."""
    return _CAST.get(index % _TROUPE, Character.BUYS)


class Refused(Exception):
    """The server said no, as it may: the reason, in words for the report."""


class Fan:
    """Walks the whole flow over the public API, and writes down what they see."""

    def __init__(self, index: int, client: GraphQLClient, concert_id: str, performance_id: str, chance: random.Random) -> None:
        self.record = FanRecord(index=index)
        self._character = character_of(index)
        self._client = client
        self._concert_id = concert_id
        self._performance_id = performance_id
        self._chance = chance
        self._access = ""
        self._queue_token = ""

    async def walk(self, deadline: float) -> None:
        """To an end by that time of the event loop's clock, then a look at the account. Raises nothing of what a server can do."""
        try:
            async with asyncio.timeout_at(deadline):
                self.record.outcome = await self._attend()
        except Refused as refused:
            self.record.outcome = str(refused)
        except (ServerUnreachable, SocketLost, RequestRefused, TimeoutError) as fault:
            self.record.fault = f"{type(fault).__name__} {fault}".strip()
            self.record.outcome = "stopped by a fault"
        if self._access:
            await self._look_back()

    async def _attend(self) -> str:
        await self._sign_in()
        await self._join()
        if self._character is Character.LEAVES:
            await self._leave()
            return "left the line"
        await self._wait_for_admission()
        try:
            reservation_id = await self._hold()
        except Refused:
            await self._leave()  # whoever goes without seats makes room for the next
            raise
        if self._character is Character.LETS_GO:
            await self._cancel(reservation_id)
            await self._leave()
            return "let the seats go"
        await self._pay(reservation_id)
        if self._character is Character.CANCELS:
            await self._cancel(reservation_id)
            return "bought, and cancelled"
        return SOLD

    async def _sign_in(self) -> None:
        phone = f"010{self.record.index:08d}"
        session = (await self._client.ask(documents.SIGN_IN, {"name": f"fan {self.record.index}", "phone": phone})).data["signInAsGuest"]
        self._access = session["accessToken"]
        self.record.points_before = (await self._ask(documents.POINTS))["viewer"]["points"]

    async def _join(self) -> None:
        sent_at = time.monotonic()
        answer = await self._do(documents.JOIN, "joinQueue", {"concertId": self._concert_id}, timed="join")
        standing = answer["queueToken"]
        self.record.joining = Joining(number=standing["number"], sent_at=sent_at, answered_at=time.monotonic())
        self._see(standing)

    async def _leave(self) -> None:
        await self._do(documents.LEAVE, "leaveQueue", {"queueToken": self._queue_token})

    async def _wait_for_admission(self) -> None:
        """By socket; a lost one is opened again, since a place outlives its socket."""
        started = time.monotonic()
        for attempt in range(SOCKET_TRIES):
            try:
                if await self._watch():
                    self.record.seconds["admission"] = time.monotonic() - started
                    return
            except SocketLost:
                self._client.repeated += 1
                self.record.interrupted = True
                if attempt == SOCKET_TRIES - 1:
                    raise
            await asyncio.sleep(self._chance.uniform(0.1, 1.0))
        raise SocketLost(f"the news of the queue ended {SOCKET_TRIES} times before an end was told")

    async def _watch(self) -> bool:
        """Whether the fan was admitted. False when the news ended without an end."""
        async with aclosing(self._client.news(documents.POSITION, {"queueToken": self._queue_token}, token=self._access)) as news:
            async for message in news:
                state = self._see(message["queuePosition"])
                if state == "ACTIVE":
                    return True
                if state != "WAITING":
                    raise Refused(f"queue token {state}")
        return False

    async def _hold(self) -> str:
        """The id of a reservation of 1 to 4 seats, picked from the map at random."""
        for _ in range(SEAT_TRIES):
            seats = (await self._ask(documents.FREE_SEATS, {"id": self._performance_id}))["performance"]
            free = [edge["node"]["id"] for edge in seats["free"]["edges"]]
            if free:
                wanted = self._chance.sample(free, min(len(free), self._chance.randint(1, MOST_SEATS)))
                variables = {
                    "performanceId": self._performance_id,
                    "seatIds": wanted,
                    "queueToken": self._queue_token,
                    "idempotencyKey": str(uuid.uuid4()),
                }
                answer = await self._do(documents.HOLD, "holdSeats", variables, timed="hold", bear="SeatsUnavailable")
                if answer["__typename"] != "SeatsUnavailable":
                    self._see(answer["queueToken"])
                    return str(answer["reservation"]["id"])
            elif not seats["held"]["edges"]:
                raise Refused("sold out")
            else:
                await asyncio.sleep(self._chance.uniform(0.2, 0.8))  # what others hold may come free
        raise Refused("no seats")

    async def _pay(self, reservation_id: str) -> None:
        variables = {
            "reservationId": reservation_id,
            "queueToken": self._queue_token,
            "idempotencyKey": str(uuid.uuid4()),
            "method": "POINTS",
        }
        answer = await self._do(documents.PAY, "pay", variables, timed="pay")
        answers = [answer]
        if self._character is Character.REPEATS:
            answers += await asyncio.gather(*(self._do(documents.PAY, "pay", variables) for _ in range(3)))
        self.record.payments = [one["payment"]["id"] for one in answers]
        self.record.handed_codes = frozenset(ticket["code"] for ticket in answer["tickets"])

    async def _cancel(self, reservation_id: str) -> None:
        variables = {"reservationId": reservation_id, "idempotencyKey": str(uuid.uuid4())}
        await self._do(documents.CANCEL, "cancelReservation", variables)

    async def _look_back(self) -> None:
        """The account at the end, whatever happened; stays None where it cannot be read."""
        try:
            async with asyncio.timeout(ACCOUNT_PATIENCE):
                self.record.account = _account((await self._ask(documents.ACCOUNT))["viewer"])
        except (ServerUnreachable, RequestRefused, TimeoutError) as fault:
            self.record.fault = self.record.fault or f"the account could not be read: {fault}"

    def _see(self, standing: Mapping[str, Any]) -> str:
        """Keeps the newest token, and what it says."""
        self._queue_token = standing["value"]
        self.record.numbers.add(standing["number"])
        as_of = datetime.fromisoformat(standing["asOf"])
        if standing["state"] == "WAITING":
            self.record.last_waiting = as_of
        elif standing["state"] == "ACTIVE" and self.record.admission is None:
            expires_at = datetime.fromisoformat(standing["expiresAt"]) if standing["expiresAt"] else None
            self.record.admission = Admission(as_of=as_of, expires_at=expires_at)
        return str(standing["state"])

    async def _ask(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return (await self._client.ask(document, variables, token=self._access)).data

    async def _do(
        self, document: str, field: str, variables: Mapping[str, Any], *, timed: str | None = None, bear: str | None = None
    ) -> dict[str, Any]:
        """The success member of a mutation's answer, or the one that is borne. A busy server is asked again with the same
        input; any other refusal raises Refused."""
        for attempt in range(1, BUSY_TRIES + 1):
            answer = await self._client.ask(document, {"input": dict(variables)}, token=self._access)
            result: dict[str, Any] = answer.data[field]
            kind = str(result["__typename"])
            if kind.endswith("Success") or kind == bear:
                if timed and kind.endswith("Success"):
                    self.record.seconds[timed] = answer.seconds
                return result
            if kind != "ServiceUnavailable" or attempt == BUSY_TRIES:
                raise Refused(_reason(kind, result))
            self._client.repeated += 1
            await asyncio.sleep(min(5.0, result["retryAfterSeconds"]) * self._chance.uniform(0.5, 1.0))
        raise ValueError("at least one try")


def _reason(kind: str, refusal: Mapping[str, Any]) -> str:
    detail = refusal.get("tokenReason") or refusal.get("salesReason")
    if detail == "SOLD_OUT":
        return "sold out"
    return f"{kind} {detail}" if detail else kind


def _account(viewer: Mapping[str, Any]) -> Account:
    return Account(
        points=viewer["points"],
        bookings=tuple(_booking(edge["node"]) for edge in viewer["reservations"]["edges"]),
        ledger=tuple(edge["node"]["amount"] for edge in viewer["pointLedger"]["edges"]),
    )


def _booking(node: Mapping[str, Any]) -> Booking:
    return Booking(
        id=node["id"],
        status=node["status"],
        total_price=node["totalPrice"],
        seat_ids=tuple(seat["id"] for seat in node["seats"]),
        tickets=tuple(SoldTicket(code=ticket["code"], seat_id=ticket["seat"]["id"]) for ticket in node["tickets"]),
    )
