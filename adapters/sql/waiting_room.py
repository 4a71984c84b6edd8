"""Where commands wait for a writer."""

import asyncio
from collections import OrderedDict, deque
from uuid import UUID

from adapters.sql.attempt import Command
from domain.errors import ServiceUnavailable


class WaitingRoom:
    """Commands by shard, shards in turn; bounded."""

    def __init__(self, *, capacity: int, group_size: int) -> None:
        self._capacity = capacity
        self._group_size = group_size
        self._shards: OrderedDict[UUID, deque[Command]] = OrderedDict()
        self._size = 0
        self._idle: deque[asyncio.Future[None]] = deque()
        self._closed = False

    def __len__(self) -> int:
        return self._size

    def enter(self, command: Command) -> None:
        """Raises ServiceUnavailable when the room is full, or closed."""
        if self._closed or self._size >= self._capacity:
            raise ServiceUnavailable(retry_after_seconds=1)
        self._shards.setdefault(command.needs.shard, deque()).append(command)
        self._size += 1
        self._wake_one()

    async def take(self) -> list[Command]:
        """Whatever waits of the shard whose turn it is, at most a group; empty when the room is closed and empty."""
        while True:
            if commands := self._next_group():
                if self._size:
                    self._wake_one()
                return commands
            if self._closed:
                return []
            idle = asyncio.get_running_loop().create_future()
            self._idle.append(idle)
            try:
                await idle
            except asyncio.CancelledError:
                if idle.done() and not idle.cancelled():
                    self._wake_one()  # it was meant for a writer that goes on
                raise

    def close(self) -> None:
        """Nobody enters any more; who waits is still taken."""
        self._closed = True
        while self._idle:
            self._wake_one()

    def clear(self) -> list[Command]:
        """All who wait, sent away."""
        waiting = [command for commands in self._shards.values() for command in commands]
        self._shards.clear()
        self._size = 0
        return waiting

    def _next_group(self) -> list[Command]:
        """Callers who went away meanwhile are left out."""
        while self._shards:
            shard, waiting = self._shards.popitem(last=False)
            taken = [waiting.popleft() for _ in range(min(self._group_size, len(waiting)))]
            if waiting:
                self._shards[shard] = waiting
            self._size -= len(taken)
            if present := [command for command in taken if not command.answer.done()]:
                return present
        return []

    def _wake_one(self) -> None:
        while self._idle:
            idle = self._idle.popleft()
            if not idle.done():
                idle.set_result(None)
                return
