"""UUIDv7 (RFC 9562), rising within a process even when the clock stands still or goes back."""

import secrets
import threading
import time
from uuid import UUID

_COUNTER_BITS = 74
_COUNTER_START_BITS = 73
"""A fresh millisecond starts in the lower half of the counter, so that it cannot run over soon."""
_VARIANT = 0b10 << 62
_VERSION = 0x7 << 12


class Uuid7Generator:
    """48 bits of milliseconds, then 74 random bits that count upwards within a millisecond."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millisecond = 0
        self._counter = 0

    def new_id(self) -> UUID:
        now = time.time_ns() // 1_000_000
        with self._lock:
            if now > self._millisecond:
                self._millisecond, self._counter = now, secrets.randbits(_COUNTER_START_BITS)
            else:
                self._counter += 1 + secrets.randbits(32)
                if self._counter >> _COUNTER_BITS:
                    self._millisecond, self._counter = self._millisecond + 1, secrets.randbits(_COUNTER_START_BITS)
            millisecond, counter = self._millisecond, self._counter
        high = (millisecond << 16) | _VERSION | (counter >> 62)
        return UUID(int=(high << 64) | _VARIANT | (counter & ((1 << 62) - 1)))
