"""Answers of MySQL, however the network cuts them."""

import pytest

from adapters.sql.mysql_wire import ConnectionLost, RawRow, StatementRefused, _Answer

MORE, LAST = b"\x08\x00", b"\x00\x00"


def packet(payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + b"\0" + payload


def ok(status: bytes) -> bytes:
    return packet(b"\x00" + b"\xfc\x01\x02" + b"\x05" + status + b"\0\0")


def eof(status: bytes) -> bytes:
    return packet(b"\xfe\0\0" + status)


def value(content: bytes | None) -> bytes:
    if content is None:
        return b"\xfb"
    if len(content) < 0xFB:
        return bytes([len(content)]) + content
    if len(content) < 1 << 16:
        return b"\xfc" + len(content).to_bytes(2, "little") + content
    return b"\xfd" + len(content).to_bytes(3, "little") + content


def rows(status: bytes, *listed: list[bytes | None]) -> bytes:
    columns = b"".join(packet(b"\x03def-a-column") for _ in range(2))
    return packet(b"\x02") + columns + eof(LAST) + b"".join(packet(b"".join(map(value, row))) for row in listed) + eof(status)


def error(errno: int, message: str) -> bytes:
    return packet(b"\xff" + errno.to_bytes(2, "little") + b"#23000" + message.encode())


def read(*chunks: bytes) -> list[list[RawRow]]:
    answer = _Answer()
    for chunk in chunks:
        assert not answer.complete
        answer.feed(chunk)
    assert answer.complete
    return answer.results


LONG = b"\xfe" * 300
LISTED: list[list[bytes | None]] = [[b"\xfe\xff", None], [b"", LONG], [b"x" * 70_000, b"\0"]]
WHOLE = ok(MORE) + rows(MORE, *LISTED) + rows(MORE) + ok(LAST)


def test_each_statement_has_its_rows() -> None:
    assert read(WHOLE) == [[], LISTED, [], []]


def test_an_answer_may_come_in_any_pieces() -> None:
    short = ok(MORE) + rows(MORE, [b"\xfe\xff", None], [b"", b"y" * 251]) + ok(LAST)
    for cut in range(1, len(short)):
        assert read(short[:cut], short[cut:]) == [[], [[b"\xfe\xff", None], [b"", b"y" * 251]], []]
    assert read(*(short[place : place + 1] for place in range(len(short)))) == [[], [[b"\xfe\xff", None], [b"", b"y" * 251]], []]


@pytest.mark.parametrize(
    ("before", "index"),
    [(b"", 0), (ok(MORE), 1), (ok(MORE) + rows(MORE, [b"a", b"b"]), 2), (ok(MORE) + rows(MORE, [b"a", b"b"])[: -len(eof(MORE))], 1)],
    ids=["at first", "after an answer", "after rows", "among rows"],
)
def test_a_refusal_names_its_statement(before: bytes, index: int) -> None:
    with pytest.raises(StatementRefused) as refused:
        read(before + error(1062, "Duplicate entry 'a' for key 'seats.PRIMARY'"))
    assert (refused.value.errno, refused.value.index) == (1062, index)
    assert refused.value.message == "Duplicate entry 'a' for key 'seats.PRIMARY'"


def test_a_row_that_spans_packets_is_not_guessed_at() -> None:
    with pytest.raises(ConnectionLost):
        read(b"\xff\xff\xff\x00")
