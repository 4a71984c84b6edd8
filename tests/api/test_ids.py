"""Ids and cursors are opaque, URL-safe, and read back in one way only."""

import re
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from domain.ids import ConcertId, PaymentId, PerformanceId, ReservationId, SeatId, TicketId, UserId
from entrypoints.graphql import cursors, ids
from entrypoints.graphql.problems import BadInput

CONCERT = ConcertId(UUID("6d3a52f1-9c07-4be8-8a41-5f0e7c2b9d36"))
KINDS = [PerformanceId(CONCERT, uuid4()), *(kind(CONCERT, uuid4(), uuid4()) for kind in (SeatId, ReservationId, PaymentId, TicketId))]


@pytest.mark.parametrize("of", KINDS, ids=lambda of: type(of).__name__)
def test_a_node_is_found_by_its_id(of: PerformanceId | SeatId | ReservationId | PaymentId | TicketId) -> None:
    text = ids.node_id(of)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    found = ids.read_node(text)
    assert (type(found), found) == (type(of), of)


def test_a_concert_is_found_by_its_id() -> None:
    assert ids.read_node(ids.concert_id(CONCERT)) == CONCERT
    assert ids.read_concert(ids.concert_id(CONCERT)) == CONCERT


def test_a_kind_is_not_taken_for_another() -> None:
    seat, reservation = KINDS[1], KINDS[2]
    assert isinstance(seat, SeatId) and isinstance(reservation, ReservationId)
    with pytest.raises(BadInput):
        ids.read_reservation(ids.node_id(seat))
    with pytest.raises(BadInput):
        ids.read_seat(ids.node_id(reservation))
    with pytest.raises(BadInput):
        ids.read_concert(ids.node_id(KINDS[0]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "abc",
        "한글",
        "=" * 20,
        "A" * 1000,
        "0b7e1c94-52d8-4f63-9a1e-c3d5f8a60b72",
        ids.concert_id(CONCERT) + "=",
        ids.concert_id(CONCERT)[:-1],
        ids.user_id(UserId(CONCERT)),
    ],
)
def test_what_is_no_id_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        ids.read_node(text, "nodeId")
    assert (refused.value.code, refused.value.extensions) == ("BAD_INPUT", {"argument": "nodeId"})


def test_cursors_go_there_and_back() -> None:
    key, moment = uuid4(), datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
    assert cursors.read_uuid(cursors.of_uuid(key)) == key
    assert cursors.read_sequence(cursors.of_sequence(17)) == 17
    assert cursors.read_moment(cursors.of_moment(moment)) == moment
    assert cursors.read_uuid(None) is None


@pytest.mark.parametrize("text", ["x", "한", "A" * 100, cursors.of_sequence(3), cursors.of_uuid(UUID(int=0))[:-3]])
def test_what_is_no_cursor_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput):
        cursors.read_uuid(text)


def test_a_cursor_past_the_end_of_time_is_bad_input() -> None:
    with pytest.raises(BadInput):
        cursors.read_moment(urlsafe_b64encode(b"m" + b"9" * 18).rstrip(b"=").decode())


@pytest.mark.parametrize("first", [0, -1, 101, 2**31 - 1])
def test_a_page_is_bounded(first: int) -> None:
    with pytest.raises(BadInput):
        cursors.bounded(first, 20, 100)


def test_a_page_without_a_size_has_the_usual_one() -> None:
    assert (cursors.bounded(None, 20, 100), cursors.bounded(100, 20, 100)) == (20, 100)
