"""A message to the world outside, written in the transaction that it tells of."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.ids import MessageId


class OutboxStatus(StrEnum):
    PENDING = "PENDING"
    PUBLISHED = "PUBLISHED"
    RETRYING = "RETRYING"
    DEAD = "DEAD"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """``key`` orders: messages of one key are delivered by rising ``sequence``. ``payload`` is JSON.

    ``shard_key`` is the concert's id for a booking's message, the person's for a person's.
    """

    id: MessageId
    shard_key: UUID
    aggregate_type: str
    key: UUID
    type: str
    version: int
    sequence: int
    occurred_at: datetime
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LastHandled:
    """How far a key's messages have been handled: no message of it with a higher ``sequence`` has taken effect here."""

    key: UUID
    sequence: int
