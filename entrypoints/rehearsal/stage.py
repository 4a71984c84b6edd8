"""The concert that is rehearsed: put on sale by an operator, looked over at the end."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from entrypoints.rehearsal import documents
from entrypoints.rehearsal.client import GraphQLClient, RequestRefused
from entrypoints.rehearsal.evidence import MapSeat

SEATS_PER_ROW = 20
ADMITTED_PER_SECOND = 50
MOST_PAGES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    concert_id: str
    performance_id: str


async def set_stage(client: GraphQLClient, operator_token: str, *, seats: int, fans: int) -> Stage:
    """A concert of its own, on sale for an hour. Raises RequestRefused, ServerUnreachable."""
    # Once: a repeat would make a second concert.
    answer = await client.ask(documents.CREATE_CONCERT, {"input": _concert(seats, fans)}, token=operator_token, tries=1)
    created: dict[str, Any] = answer.data["createConcert"]
    if "concert" not in created:
        raise RequestRefused(str(created.get("code")), str(created.get("message")))
    concert = created["concert"]
    return Stage(concert_id=concert["id"], performance_id=concert["performances"][0]["id"])


async def read_seat_map(client: GraphQLClient, stage: Stage) -> dict[str, MapSeat]:
    """Every seat of the house, by its id."""
    seats: dict[str, MapSeat] = {}
    after: str | None = None
    for _ in range(MOST_PAGES):
        answer = await client.ask(documents.SEAT_MAP, {"id": stage.performance_id, "after": after})
        page = answer.data["performance"]["seats"]
        for node in (edge["node"] for edge in page["edges"]):
            seats[node["id"]] = MapSeat(status=node["status"], price=node["price"])
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    return seats


def _concert(seats: int, fans: int) -> dict[str, Any]:
    """Fewer passes at once than fans, so that there is a line, and slots are freed and filled again."""
    now = datetime.now(UTC)
    opened = (now - timedelta(hours=1)).isoformat()
    return {
        "title": f"Dress rehearsal {now:%Y-%m-%d %H:%M:%S}",
        "artist": "The Understudies",
        "queueOpensAt": opened,
        "salesOpenAt": opened,
        "salesCloseAt": (now + timedelta(hours=1)).isoformat(),
        "purchaseLimit": 4,
        "capacity": max(10, fans // 4),
        "rate": ADMITTED_PER_SECOND,
        "performances": [
            {"venue": "Rehearsal Hall", "startsAt": (now + timedelta(days=30)).isoformat(), "sections": list(_sections(seats))}
        ],
    }


def _sections(seats: int) -> Iterator[dict[str, Any]]:
    """Exactly so many seats, in two grades; a last row that is not full is a section of its own.

    A guest's 1,000,000 points pay for four of the dearest.
    """
    front = seats // 4
    for name, size, grade, price in (("Floor", front, "VIP", 154_000), ("Balcony", seats - front, "R", 99_000)):
        rows, rest = divmod(size, SEATS_PER_ROW)
        if rows:
            yield {"name": name, "rows": rows, "seatsPerRow": SEATS_PER_ROW, "grade": grade, "price": price}
        if rest:
            yield {"name": f"{name} back row", "rows": 1, "seatsPerRow": rest, "grade": grade, "price": price}
