"""Questions that callers share: one at a time, and its answer for a moment longer. For reads only."""

from collections import OrderedDict
from collections.abc import Callable, Coroutine
from copy import copy
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from application.single_flight import SingleFlight
from domain.errors import ConcertError

T = TypeVar("T")

REMEMBERED = 1_024


@dataclass(frozen=True, slots=True)
class _Answer(Generic[T]):
    value: T
    at: float


class RecentAnswers(Generic[T]):
    """What a caller is told is at most ``keep_seconds`` older than its question, or as old as the question that was under
    way when it came. Errors are shared by those who wait for them, and not kept.
    """

    def __init__(self, elapsed: Callable[[], float], keep_seconds: float, size: int = REMEMBERED) -> None:
        self._elapsed = elapsed
        self._keep = keep_seconds
        self._size = size
        self._flights: SingleFlight[_Answer[T] | ConcertError] = SingleFlight()
        self._answers: OrderedDict[str, _Answer[T]] = OrderedDict()
        self._asked: dict[str, object] = {}

    async def __call__(self, key: str, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Raises what ``ask`` raises, each caller an exception of its own; FlightCancelled when closed meanwhile."""
        kept = self._answers.get(key)
        if kept is not None and self._elapsed() - kept.at < self._keep:
            return kept.value
        answer = await self._flights(key, lambda: self._ask(key, ask))
        if isinstance(answer, ConcertError):
            raise copy(answer) from answer
        return answer.value

    def forget(self, key: str) -> None:
        """Something is about to change it, or has: an answer that is under way now is not kept."""
        self._answers.pop(key, None)
        self._asked.pop(key, None)

    async def close(self) -> None:
        await self._flights.close()

    async def _ask(self, key: str, ask: Callable[[], Coroutine[Any, Any, T]]) -> _Answer[T] | ConcertError:
        mark = self._asked[key] = object()
        at = self._elapsed()
        try:
            answer = _Answer(await ask(), at)
        except ConcertError as fault:
            return fault
        else:
            if self._asked.get(key) is mark:
                self._answers[key] = answer
                self._answers.move_to_end(key)
                if len(self._answers) > self._size:
                    self._answers.popitem(last=False)
            return answer
        finally:
            if self._asked.get(key) is mark:
                del self._asked[key]
