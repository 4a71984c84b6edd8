"""One record per intent: who repeats a request gets the first one's result."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from domain.errors import IdempotencyConflict
from domain.ids import UserId


class IdempotencyKey(NamedTuple):
    """``shard_key`` is the concert's id or the person's; ``key`` is the client's, compared byte by byte."""

    shard_key: UUID
    owner: UserId
    operation: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyRecord:
    """``fingerprint`` covers the business fields only; ``result`` names what the first request made."""

    key: IdempotencyKey
    fingerprint: bytes
    result: tuple[UUID, ...]
    created_at: datetime

    def result_for(self, fingerprint: bytes) -> tuple[UUID, ...]:
        """Raises IdempotencyConflict when the same key comes with another input."""
        if fingerprint != self.fingerprint:
            raise IdempotencyConflict
        return self.result


def fingerprint_of(*fields: object) -> bytes:
    """Equal for equal fields in equal order, and for nothing else."""
    return sha256(repr(fields).encode()).digest()
