"""How a message lies on the broker."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from adapters.kafka.envelope import NotAnEnvelope, headers_of, key_of, pack, unpack
from domain.ids import MessageId
from domain.message import OutboxMessage

MESSAGE = OutboxMessage(
    id=MessageId(UUID(int=1)),
    shard_key=UUID(int=2),
    aggregate_type="reservation",
    key=UUID(int=3),
    type="PaymentCompleted",
    version=1,
    sequence=4,
    occurred_at=datetime(2030, 5, 1, 20, 0, 0, 123456, tzinfo=UTC),
    payload='{"title": "봄 콘서트", "amount": 100000}',
)


def test_others_can_read_it_without_us() -> None:
    assert json.loads(pack(MESSAGE)) == {
        "messageId": "00000000-0000-0000-0000-000000000001",
        "type": "PaymentCompleted",
        "version": 1,
        "sequence": 4,
        "occurredAt": "2030-05-01T20:00:00.123456+00:00",
        "shardKey": "00000000-0000-0000-0000-000000000002",
        "key": "00000000-0000-0000-0000-000000000003",
        "aggregateType": "reservation",
        "payload": {"title": "봄 콘서트", "amount": 100000},
    }
    assert key_of(MESSAGE) == b"00000000-0000-0000-0000-000000000003"
    assert headers_of(MESSAGE) == [
        ("messageId", b"00000000-0000-0000-0000-000000000001"),
        ("type", b"PaymentCompleted"),
        ("version", b"1"),
    ]


def test_what_is_unpacked_is_what_was_packed() -> None:
    assert unpack(pack(MESSAGE)) == MESSAGE


def changed(**changes: object) -> bytes:
    return json.dumps(json.loads(pack(MESSAGE)) | changes).encode()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no value"),
        (b"", "JSONDecodeError"),
        (b"\xff\xfe\xfd", "UnicodeDecodeError"),
        (b"[]", "TypeError"),
        (b"[" * 100_000, "RecursionError"),
        (b"{}", "KeyError"),
        (changed(messageId="0101234567"), "ValueError"),
        (changed(messageId=7), "AttributeError"),
        (changed(type=None), "TypeError"),
        (changed(sequence="four"), "ValueError"),
        (changed(occurredAt="2030-05-01T20:00:00"), "ValueError"),
        (changed(occurredAt=20300501), "TypeError"),
    ],
)
def test_anything_else_is_refused_without_repeating_it(value: bytes | None, reason: str) -> None:
    with pytest.raises(NotAnEnvelope) as refused:
        unpack(value)
    assert str(refused.value) == reason
