"""How a message lies on the broker: JSON for everyone, headers for those who only sort, the reservation's id as key."""

import json
from datetime import datetime
from uuid import UUID

from domain.ids import MessageId
from domain.message import OutboxMessage

Headers = list[tuple[str, bytes]]


class NotAnEnvelope(Exception):
    """The bytes are no message of ours. Says why, and repeats nothing of them."""


def key_of(message: OutboxMessage) -> bytes:
    """Messages of one key lie in one partition, in their order."""
    return str(message.key).encode()


def headers_of(message: OutboxMessage) -> Headers:
    return [("messageId", str(message.id).encode()), ("type", message.type.encode()), ("version", str(message.version).encode())]


def pack(message: OutboxMessage) -> bytes:
    envelope = {
        "messageId": str(message.id),
        "type": message.type,
        "version": message.version,
        "sequence": message.sequence,
        "occurredAt": message.occurred_at.isoformat(),
        "shardKey": str(message.shard_key),
        "key": str(message.key),
        "aggregateType": message.aggregate_type,
        "payload": json.loads(message.payload),
    }
    return json.dumps(envelope, ensure_ascii=False).encode()


def unpack(value: bytes | None) -> OutboxMessage:
    """Raises NotAnEnvelope."""
    if value is None:
        raise NotAnEnvelope("no value")
    try:
        envelope = json.loads(value)
        return OutboxMessage(
            id=MessageId(UUID(envelope["messageId"])),
            shard_key=UUID(envelope["shardKey"]),
            aggregate_type=_text(envelope["aggregateType"]),
            key=UUID(envelope["key"]),
            type=_text(envelope["type"]),
            version=int(envelope["version"]),
            sequence=int(envelope["sequence"]),
            occurred_at=_moment(envelope["occurredAt"]),
            payload=json.dumps(envelope["payload"], ensure_ascii=False),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as fault:
        raise NotAnEnvelope(type(fault).__name__) from fault


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone")
    return moment
