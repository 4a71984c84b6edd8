"""The map of the hall, looked at and watched."""

import time
from collections.abc import Sequence

from pytest_bdd import given, then

from features.steps.sentences import Sentence
from features.steps.story import Story
from features.steps.words import SEATS
from features.worlds import documents
from features.worlds.graphql import Subscription


@given(Sentence("{name:fan}이/가 좌석 배치도를 지켜보고 있다"))
def watches_the_map(story: Story, name: str) -> None:
    performance = story.service.api.ask(documents.PERFORMANCE, {"id": story.show.performance_id})["performance"]
    story.fan(name).subscribe(documents.SEAT_CHANGES, performanceId=story.show.performance_id, after=performance["seats"]["changesCursor"])


@then(Sentence('{name:fan}의 배치도에서 {seats:seats} 좌석이 결국 "{state:state}"으로/로 바뀐다'))
def map_shows(story: Story, name: str, seats: tuple[str, ...], state: str) -> None:
    (socket,) = story.fan(name).sockets
    deadline = time.monotonic() + 10
    while _on_the_map(socket, story.show.ids(seats)) != {SEATS[state]}:
        assert socket.next(deadline - time.monotonic()) is not None, "the subscription ended"


def _on_the_map(socket: Subscription, seat_ids: Sequence[str]) -> set[str | None]:
    """The newest state that was told of each of these seats."""
    newest = {seat["id"]: seat["status"] for changes in socket.seen for seat in changes["seats"]}
    return {newest.get(seat_id) for seat_id in seat_ids}
