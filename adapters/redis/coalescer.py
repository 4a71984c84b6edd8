"""Many callers, one call: what is asked while a call is under way goes out together with the next."""

import asyncio
import copy
from collections import deque
from collections.abc import Callable, Coroutine, Hashable, Sequence
from typing import Any, Generic, TypeVar

from domain.errors import QueueUnavailable

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Coalescer(Generic[Key, Item, Answer]):
    """Per key one call at a time, of at most ``batch`` items; no timer, so a lone caller waits for nobody.

    When the store is away, everyone who waits hears it with the call that found it out: nobody waits twice.
    """

    def __init__(
        self, send: Callable[[Key, Sequence[Item]], Coroutine[Any, Any, Sequence[Answer]]], *, batch: int, most_waiting: int
    ) -> None:
        self._send = send
        self._batch = batch
        self._most_waiting = most_waiting
        self._waiting: dict[Key, deque[tuple[Item, asyncio.Future[Answer]]]] = {}
        self._busy: set[Key] = set()
        self._calls: set[asyncio.Task[Sequence[Answer]]] = set()

    async def ask(self, key: Key, item: Item) -> Answer:
        """Raises QueueUnavailable, also when too many wait, and whatever the call raised."""
        loop = asyncio.get_running_loop()
        waiting = self._waiting.setdefault(key, deque())
        if len(waiting) >= self._most_waiting:
            raise QueueUnavailable("too many wait")
        answer: asyncio.Future[Answer] = loop.create_future()
        waiting.append((item, answer))
        if key not in self._busy:
            self._busy.add(key)
            loop.call_soon(self._next_call, key)
        return await answer

    def _next_call(self, key: Key) -> None:
        waiting = self._waiting[key]
        batch: list[tuple[Item, asyncio.Future[Answer]]] = []
        while waiting and len(batch) < self._batch:
            item, answer = waiting.popleft()
            if not answer.done():  # its caller may have given up
                batch.append((item, answer))
        if not batch:
            del self._waiting[key]
            self._busy.discard(key)
            return
        call = asyncio.get_running_loop().create_task(self._send(key, [item for item, _ in batch]))
        self._calls.add(call)
        call.add_done_callback(lambda done: self._resolve(key, [answer for _, answer in batch], done))

    def _resolve(self, key: Key, answers: Sequence[asyncio.Future[Answer]], call: asyncio.Task[Sequence[Answer]]) -> None:
        self._calls.discard(call)
        fault = None if call.cancelled() else call.exception()
        if isinstance(fault, QueueUnavailable):
            answers = [*answers, *(answer for _, answer in self._waiting[key])]
            self._waiting[key].clear()
        results: Sequence[Answer | None] = [None] * len(answers) if call.cancelled() or fault else call.result()
        for answer, result in zip(answers, results, strict=True):
            if answer.done():
                continue
            if call.cancelled():
                answer.cancel()
            elif fault is not None:
                answer.set_exception(_of_ones_own(fault))
            else:
                answer.set_result(result)  # type: ignore[arg-type]  # None only where there is a fault
        self._next_call(key)


def _of_ones_own(fault: BaseException) -> BaseException:
    """Each caller raises its own, so that their tracebacks do not pile up on one."""
    own = copy.copy(fault)
    own.__cause__ = fault.__cause__
    return own
