from uuid import UUID

import pytest

from domain.concert_queue import ConcertQueue, QueueStatus
from domain.errors import Stale
from domain.ids import ConcertId
from domain.queue_token import HIGHEST_EPOCH


def queue(*, epoch: int = 0, status: QueueStatus = QueueStatus.OPEN) -> ConcertQueue:
    return ConcertQueue(concert_id=ConcertId(UUID(int=1)), epoch=epoch, status=status, capacity=10, rate=5)


def test_an_epoch_is_raised_once() -> None:
    raised = queue(epoch=3).raise_epoch(3)
    assert raised == queue(epoch=4)
    with pytest.raises(Stale):
        raised.raise_epoch(3)


def test_the_last_epoch_has_no_next() -> None:
    with pytest.raises(ValueError, match="used up"):
        queue(epoch=HIGHEST_EPOCH).raise_epoch(HIGHEST_EPOCH)


def test_pausing_and_resuming() -> None:
    assert queue().pause().status is QueueStatus.PAUSED
    assert queue().pause().resume().status is QueueStatus.OPEN


def test_what_is_closed_stays_closed() -> None:
    closed = queue().close()
    assert closed.status is QueueStatus.CLOSED
    assert closed.pause() == closed
    assert closed.resume() == closed


def test_a_lever_that_is_not_named_stays_where_it_is() -> None:
    assert queue().with_levers(rate=0) == ConcertQueue(concert_id=ConcertId(UUID(int=1)), capacity=10, rate=0)
    assert queue().with_levers(capacity=7) == ConcertQueue(concert_id=ConcertId(UUID(int=1)), capacity=7, rate=5)
