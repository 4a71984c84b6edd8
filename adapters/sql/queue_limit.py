"""A bound for those who wait for a connection."""

from collections.abc import Iterator
from contextlib import contextmanager

from domain.errors import TransientError


class QueueLimit:
    """So many may be in it, waiting or at work; who comes then is told at once, instead of waiting in vain."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside = 0

    @contextmanager
    def place(self, refusal: type[TransientError]) -> Iterator[None]:
        """Raises a ``refusal``."""
        if self._inside >= self._most:
            raise refusal("too many wait for a connection", shortage=True)
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
