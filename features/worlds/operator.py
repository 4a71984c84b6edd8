"""The operator: puts concerts on sale, and turns the levers of their queues."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from features.worlds import documents
from features.worlds.graphql import GraphqlClient

TITLE = "겨울 콘서트"
VENUE = "올림픽홀"
GRADES = {"A": ("VIP", 150_000), "B": ("R", 99_000)}
"""Of each section: its grade, and its price unless the plan has another for A."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Moments in seconds from now. Of section A the price in won. Each section is one row of so many seats: A1, A2 …"""

    queue_opens: float = -3600
    sales_open: float = -3600
    sales_close: float = 3600
    starts: float = 86_400 * 30
    price: int = GRADES["A"][1]
    sections: tuple[tuple[str, int], ...] = (("A", 10), ("B", 10))
    capacity: int = 100
    purchase_limit: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """A concert with one performance; ``seats`` maps the names that the features use to ids."""

    concert_id: str
    performance_id: str
    sales_open_at: datetime
    sales_close_at: datetime
    starts_at: datetime
    seats: dict[str, str] = field(repr=False)

    def ids(self, names: tuple[str, ...]) -> list[str]:
        return [self.seats[name] for name in names]


class Operator:
    """Speaks with the rights of the role `operator`."""

    def __init__(self, api: GraphqlClient, bearer: str) -> None:
        self._api = api
        self._bearer = bearer

    def create(self, plan: Plan) -> Show:
        now = datetime.now(UTC)
        moments = {name: now + timedelta(seconds=getattr(plan, name)) for name in ("queue_opens", "sales_open", "sales_close", "starts")}
        request: dict[str, Any] = {
            "title": TITLE,
            "artist": "하늘빛",
            "queueOpensAt": moments["queue_opens"].isoformat(),
            "salesOpenAt": moments["sales_open"].isoformat(),
            "salesCloseAt": moments["sales_close"].isoformat(),
            "purchaseLimit": plan.purchase_limit,
            "capacity": plan.capacity,
            "rate": 50,
            "performances": [
                {
                    "venue": VENUE,
                    "startsAt": moments["starts"].isoformat(),
                    "sections": [
                        {"name": name, "rows": 1, "seatsPerRow": seats, "grade": grade, "price": plan.price if name == "A" else price}
                        for name, seats in plan.sections
                        for grade, price in [GRADES[name]]
                    ],
                }
            ],
        }
        created = self._do(documents.CREATE_CONCERT, input=request)["concert"]
        performance_id = created["performances"][0]["id"]
        found = self._api.ask(documents.PERFORMANCE, {"id": performance_id})["performance"]
        return Show(
            concert_id=created["id"],
            performance_id=performance_id,
            sales_open_at=moments["sales_open"],
            sales_close_at=moments["sales_close"],
            starts_at=moments["starts"],
            seats={f"{seat['section']}{seat['number']}": seat["id"] for seat in (edge["node"] for edge in found["seats"]["edges"])},
        )

    def pause(self, show: Show) -> None:
        self._do(documents.PAUSE, concertId=show.concert_id)

    def resume(self, show: Show) -> None:
        self._do(documents.RESUME, concertId=show.concert_id)

    def close(self, show: Show) -> None:
        self._do(documents.CLOSE, concertId=show.concert_id)

    def cancel_performance(self, show: Show) -> None:
        self._do(documents.CANCEL_PERFORMANCE, performanceId=show.performance_id)

    def dead_letters(self) -> list[dict[str, Any]]:
        """Those that wait for a decision, oldest first."""
        found = self._api.ask(documents.DEAD_LETTERS, bearer=self._bearer)["operations"]["deadLetters"]["edges"]
        return [edge["node"] for edge in found]

    def discard(self, letter_id: str, note: str) -> list[str | None]:
        """Why each stays as it is, if it does."""
        done = self._do(documents.DISCARD, input={"ids": [letter_id], "note": note, "dryRun": False})
        return [outcome["problem"] for outcome in done["outcomes"]]

    def _do(self, document: str, **variables: Any) -> dict[str, Any]:
        answer = self._api.mutate(document, variables, self._bearer)
        assert "code" not in answer.fields, f"the operator was refused: {answer}"
        return dict(answer.fields)
