"""Which shard a claimed row lies on."""

from collections.abc import Iterable
from typing import Generic, TypeVar
from uuid import UUID

IdT = TypeVar("IdT", bound=UUID)

REMEMBERED = 100_000
"""Claims that were never answered are forgotten in the end; their leases have long run out."""


class Claims(Generic[IdT]):
    """Ports name a claimed row by its id alone; its key begins with its shard. Who answers a claim has made it, here."""

    def __init__(self) -> None:
        self._shards: dict[IdT, UUID] = {}

    def remember(self, row_id: IdT, shard: UUID) -> None:
        self._shards.pop(row_id, None)
        self._shards[row_id] = shard
        while len(self._shards) > REMEMBERED:
            del self._shards[next(iter(self._shards))]

    def keys_of(self, ids: Iterable[IdT]) -> list[tuple[UUID, IdT]]:
        """The keys of those that were claimed here, sorted."""
        return sorted((self._shards[row_id], row_id) for row_id in ids if row_id in self._shards)

    def forget(self, ids: Iterable[IdT]) -> None:
        for row_id in ids:
            self._shards.pop(row_id, None)
