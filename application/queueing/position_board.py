"""Where a process's watchers stand, kept up to date by what changed rather than by asking for each of them."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from application.ports.queue_changes import Change, ChangeKind
from domain.ids import UserId

_SHIFT = {ChangeKind.CAME: 1, ChangeKind.WENT: -1}

Stand = tuple[int, bytes]
"""A place and a user, as the line sorts them: ties by the user's bytes."""


class PositionBoard:
    """How many stand ahead of each place that is watched. Work grows with the changes, plus one pass over the board."""

    def __init__(self) -> None:
        self._stands: list[Stand] = []
        self._ahead: list[int] = []

    def __len__(self) -> int:
        return len(self._stands)

    def put(self, user_id: UserId, place: int, ahead: int) -> None:
        """As of now, that is, of the last changes applied."""
        stand = (place, user_id.bytes)
        index = bisect_left(self._stands, stand)
        if index < len(self._stands) and self._stands[index] == stand:
            self._ahead[index] = ahead
            return
        self._stands.insert(index, stand)
        self._ahead.insert(index, ahead)

    def remove(self, user_id: UserId, place: int) -> None:
        if (index := self._index(user_id, place)) is not None:
            del self._stands[index], self._ahead[index]

    def ahead(self, user_id: UserId, place: int) -> int | None:
        index = self._index(user_id, place)
        return None if index is None else self._ahead[index]

    def apply(self, changes: Sequence[Change]) -> bool:
        """Moves everyone behind what changed; False when that was nobody."""
        shifts = [0] * (len(self._stands) + 1)
        first = len(self._stands)
        for kind, user_id, place in changes:
            if (shift := _SHIFT.get(kind)) is not None:
                behind = bisect_right(self._stands, (place, user_id.bytes))
                shifts[behind] += shift
                first = min(first, behind)
        moved = 0
        for index in range(first, len(self._stands)):
            moved += shifts[index]
            self._ahead[index] += moved
        return first < len(self._stands)

    def clear(self) -> None:
        self._stands.clear()
        self._ahead.clear()

    def _index(self, user_id: UserId, place: int) -> int | None:
        stand = (place, user_id.bytes)
        index = bisect_left(self._stands, stand)
        return index if index < len(self._stands) and self._stands[index] == stand else None
