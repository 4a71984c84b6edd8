"""Several statements out in one packet, all of their results back.

The driver connects, authenticates and frames what is sent; here the answers are read, because it awaits each of the many
small packets of an answer twice, and describes columns that the unit of work knows. Protocol: "COM_QUERY Response" and
"Multi-Resultset" of MySQL's documentation, without CLIENT_DEPRECATE_EOF, which the driver does not ask for.
"""

from dataclasses import dataclass, field

import aiomysql
from pymysql.constants import COMMAND
from pymysql.err import Error

RawRow = list[bytes | None]

_CHUNK = 1 << 18
_LONGEST = 0xFFFFFF
_MORE_RESULTS = 0x0008
_OK, _NULL, _EOF, _ERROR = 0x00, 0xFB, 0xFE, 0xFF


class ConnectionLost(Exception):
    """The connection ended, or said what nobody understands, before all answers were there."""


@dataclass(eq=False)
class StatementRefused(Exception):
    """The server refused the statement number ``index`` of a packet, counted from 0, and carried out none after it."""

    errno: int
    message: str
    index: int


async def exchange(connection: aiomysql.Connection, statements: bytes) -> list[list[RawRow]]:
    """The rows of each statement. Raises StatementRefused, ConnectionLost.

    Whoever is cancelled here must close the connection: its answers are still under way.
    """
    answer = _Answer()
    try:
        await connection._execute_command(COMMAND.COM_QUERY, statements)
        while not answer.complete:
            chunk = await connection._reader.read(_CHUNK)
            if not chunk:
                raise ConnectionLost("the server closed the connection")
            answer.feed(chunk)
    except (OSError, IndexError, Error) as lost:
        raise ConnectionLost(str(lost)) from lost
    return answer.results


@dataclass(slots=True)
class _Answer:
    """Reads packets as they come: the head of a result, its column descriptions up to their EOF, its rows up to theirs."""

    results: list[list[RawRow]] = field(default_factory=list)
    complete: bool = False
    _buffer: bytes = b""
    _at_head: bool = True
    _describing: bool = False

    def feed(self, chunk: bytes) -> None:
        buffer = self._buffer + chunk if self._buffer else chunk
        position, size = 0, len(buffer)
        while size - position >= 4:
            length = buffer[position] | buffer[position + 1] << 8 | buffer[position + 2] << 16
            start = position + 4
            if length == _LONGEST:
                raise ConnectionLost("an answer of 16 MiB in one row")
            if size - start < length:
                break
            position = start + length
            self._packet(buffer, start, position)
        self._buffer = buffer[position:]

    def _packet(self, buffer: bytes, start: int, end: int) -> None:
        first = buffer[start]
        if first == _ERROR:
            raise self._refusal(buffer[start:end])
        if self._at_head:
            self.results.append([])
            if first == _OK:
                self._end_of_result(buffer, _after_numbers(buffer, start + 1))
            else:
                self._at_head, self._describing = False, True
        elif first == _EOF and end - start < 9:
            if self._describing:
                self._describing = False
            else:
                self._end_of_result(buffer, start + 3)
        elif not self._describing:
            self.results[-1].append(_row(buffer, start, end))

    def _end_of_result(self, buffer: bytes, status: int) -> None:
        self._at_head = True
        self.complete = not buffer[status] & _MORE_RESULTS

    def _refusal(self, packet: bytes) -> StatementRefused:
        errno = packet[1] | packet[2] << 8
        message = packet[9 if packet[3:4] == b"#" else 3 :].decode(errors="replace")
        return StatementRefused(errno, message, len(self.results) - (not self._at_head))


def _after_numbers(buffer: bytes, position: int) -> int:
    """Behind the two numbers of an OK packet: rows touched and last id."""
    for _ in range(2):
        position += {0xFC: 3, 0xFD: 4, 0xFE: 9}.get(buffer[position], 1)
    return position


def _row(buffer: bytes, position: int, end: int) -> RawRow:
    row: RawRow = []
    while position < end:
        length = buffer[position]
        position += 1
        if length == _NULL:
            row.append(None)
            continue
        if length > _NULL:
            width = {0xFC: 2, 0xFD: 3, 0xFE: 8}[length]
            length = int.from_bytes(buffer[position : position + width], "little")
            position += width
        row.append(buffer[position : position + length])
        position += length
    return row
