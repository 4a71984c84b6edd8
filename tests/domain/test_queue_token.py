from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.errors import QueueTokenInvalid, QueueTokenProblem
from domain.ids import BuyerId, ConcertId, UserId
from domain.queue_token import HIGHEST_EPOCH, ONLY_LANE, ORDERS_PER_EPOCH, QueueToken, place_of, place_shown

CONCERT = ConcertId(UUID(int=1))
USER = UserId(UUID(int=2))


def token(place: int) -> QueueToken:
    return QueueToken(concert_id=CONCERT, user_id=USER, lane=ONLY_LANE, place=place, entered_at=datetime(2026, 1, 1, tzinfo=UTC))


def test_everyone_of_an_epoch_stands_before_everyone_of_the_next() -> None:
    assert place_of(1, ORDERS_PER_EPOCH - 1) + 1 == place_of(2, 0)


@pytest.mark.parametrize("epoch", [0, 1, 100, HIGHEST_EPOCH])
def test_a_place_is_exact_in_a_double(epoch: int) -> None:
    place = place_of(epoch, ORDERS_PER_EPOCH - 1)
    assert int(float(place)) == place
    assert int(float(place - 1)) == place - 1
    assert (token(place).epoch, token(place).order) == (epoch, ORDERS_PER_EPOCH - 1)


@pytest.mark.parametrize(("epoch", "order"), [(-1, 0), (HIGHEST_EPOCH + 1, 0), (0, -1), (0, ORDERS_PER_EPOCH)])
def test_what_no_double_could_tell_apart_is_no_place(epoch: int, order: int) -> None:
    with pytest.raises(ValueError, match="no place"):
        place_of(epoch, order)


def test_the_number_people_compare_names_epoch_and_order() -> None:
    assert token(place_of(3, 17)).number == "3-17"


def test_a_token_shows_its_place_to_its_owner_only() -> None:
    shown = token(place_of(1, 5))
    assert place_shown(shown, BuyerId(CONCERT, USER)) == place_of(1, 5)
    with pytest.raises(QueueTokenInvalid) as another:
        place_shown(shown, BuyerId(CONCERT, UserId(UUID(int=3))))
    assert another.value.reason is QueueTokenProblem.WRONG_USER
    with pytest.raises(QueueTokenInvalid) as elsewhere:
        place_shown(shown, BuyerId(ConcertId(UUID(int=3)), USER))
    assert elsewhere.value.reason is QueueTokenProblem.WRONG_CONCERT


def test_what_is_wrong_with_a_token_is_said() -> None:
    with pytest.raises(QueueTokenInvalid) as forged:
        place_shown(QueueTokenProblem.FORGED, BuyerId(CONCERT, USER))
    assert forged.value.reason is QueueTokenProblem.FORGED
