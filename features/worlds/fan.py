"""A fan, as a browser would be one: keeps the newest queue token, makes a key per intent, remembers the last answer."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from features.worlds import documents
from features.worlds.graphql import Answer, GraphqlClient, Refused, Subscription, fresh_key

_phones = itertools.count(20_000_001)


def fresh_phone() -> str:
    """A mobile number of one person's own, so that mailboxes of several runs cannot be mixed up within one server."""
    return f"010{next(_phones):08d}"


@dataclass(slots=True)
class Fan:
    """``token`` is the newest queue token, ``spent_tokens`` those of earlier places. ``used_keys`` keeps the key of the last
    request of each kind, to send it again."""

    api: GraphqlClient
    name: str
    phone: str
    bearer: str
    user_id: str
    concert_id: str = ""
    token: str = ""
    standing: dict[str, Any] = field(default_factory=dict)
    answer: Answer | None = None
    reservation: dict[str, Any] = field(default_factory=dict)
    payment: dict[str, Any] = field(default_factory=dict)
    tickets: list[dict[str, Any]] = field(default_factory=list)
    sockets: list[Subscription] = field(default_factory=list)
    used_keys: dict[str, str] = field(default_factory=dict)
    first_number: str = ""
    spent_tokens: list[str] = field(default_factory=list)
    refused: Refused | None = None
    admitted_until: str = ""
    old_phone: str = ""

    @classmethod
    def signed_in(cls, api: GraphqlClient, name: str) -> "Fan":
        phone = fresh_phone()
        session = api.ask(documents.SIGN_IN, {"name": name, "phone": phone})["signInAsGuest"]
        return cls(api=api, name=name, phone=phone, bearer=session["accessToken"], user_id=session["userId"])

    def join(self, concert_id: str, resume_token: str | None = None) -> Answer:
        answer = self._do(documents.JOIN, {"concertId": concert_id, "resumeToken": resume_token})
        if answer.typename == "JoinQueueSuccess":
            self.concert_id = concert_id
            self.keep(answer["queueToken"])
        return answer

    def leave(self, token: str | None = None) -> Answer:
        answer = self._do(documents.LEAVE, {"queueToken": token or self.token})
        if answer.typename == "LeaveQueueSuccess":
            self.keep(answer["queueToken"])
        return answer

    def look(self) -> dict[str, Any]:
        """Polls the standing of the newest token."""
        standing: dict[str, Any] = self.ask(documents.QUEUE_TOKEN, value=self.token)["queueToken"]
        return self.keep(standing)

    def watch(self) -> Subscription:
        """Watches the position on a socket of its own."""
        return self.subscribe(documents.QUEUE_POSITION, queueToken=self.token)

    def keep(self, standing: dict[str, Any]) -> dict[str, Any]:
        """The newest token replaces the last one; one for another place leaves the old one behind."""
        if self.standing and self.standing["number"] != standing["number"]:
            self.spent_tokens.append(self.token)
        self.first_number = self.first_number or standing["number"]
        self.standing, self.token = standing, standing["value"]
        if standing["state"] == "ACTIVE" and not self.reservation:
            self.admitted_until = standing["expiresAt"]
        return standing

    def hold(self, performance_id: str, seat_ids: Sequence[str], *, token: str | None = None, key: str | None = None) -> Answer:
        request = {"performanceId": performance_id, "seatIds": list(seat_ids), "queueToken": token or self.token}
        answer = self._do(documents.HOLD, request | self._key("hold", key))
        if answer.typename == "HoldSeatsSuccess":
            self.reservation = answer["reservation"]
            self.keep(answer["queueToken"])
        return answer

    def pay(self, *, reservation_id: str | None = None, token: str | None = None, key: str | None = None, **how: Any) -> Answer:
        request = {"reservationId": reservation_id or self.reservation["id"], "queueToken": token or self.token, **how}
        answer = self._do(documents.PAY, request | self._key("pay", key))
        if answer.typename == "PaySuccess":
            self.payment, self.tickets = answer["payment"], answer["tickets"]
        return answer

    def cancel(self, *, reservation_id: str | None = None, key: str | None = None) -> Answer:
        request = {"reservationId": reservation_id or self.reservation["id"]}
        return self._do(documents.CANCEL, request | self._key("cancel", key))

    def viewer(self) -> dict[str, Any]:
        viewer: dict[str, Any] = self.ask(documents.VIEWER)["viewer"]
        return viewer

    def tickets_now(self) -> list[dict[str, Any]]:
        """All tickets of all of the fan's reservations."""
        return [ticket for edge in self.viewer()["reservations"]["edges"] for ticket in edge["node"]["tickets"]]

    def reservation_now(self, reservation_id: str | None = None) -> dict[str, Any] | None:
        reservation: dict[str, Any] | None = self.ask(documents.RESERVATION, id=reservation_id or self.reservation["id"])["reservation"]
        return reservation

    def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        return self.api.ask(document, variables, self.bearer)

    def send(self, document: str, request: dict[str, Any]) -> Answer:
        """Any other mutation."""
        return self._do(document, request)

    def subscribe(self, document: str, **variables: Any) -> Subscription:
        socket = self.api.subscribe(document, variables, self.bearer)
        self.sockets.append(socket)
        return socket

    def hang_up(self) -> None:
        for socket in self.sockets:
            socket.close()
        self.sockets.clear()

    def _do(self, document: str, request: dict[str, Any]) -> Answer:
        self.answer = self.api.mutate(document, {"input": request}, self.bearer)
        return self.answer

    def _key(self, intent: str, key: str | None) -> dict[str, str]:
        self.used_keys[intent] = key or fresh_key(intent)
        return {"idempotencyKey": self.used_keys[intent]}
