"""What comes back over HTTP, before anyone judges it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

LONGEST_RETRY_AFTER = 3600.0
"""Seconds; a gateway that asks for more is asked again after that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer. ``content`` None: it was no JSON object. ``retry_after`` in seconds."""

    status: int
    content: Mapping[str, Any] | None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoReply:
    """No answer. ``left`` False: not one byte of the request can have reached the gateway."""

    left: bool
    ours: bool
    """True: it was we who had no connection free."""
    cause: Exception

    @property
    def reason(self) -> str:
        """Without addresses, bodies and keys."""
        return type(self.cause).__name__


def read_object(body: bytes | None) -> Mapping[str, Any] | None:
    """The JSON object in a body; None: it is something else."""
    try:
        content = json.loads(body or b"")
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def read_retry_after(headers: httpx.Headers) -> float | None:
    """Seconds. A date counts from the answer's own, so that no two clocks are compared."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isdecimal() and text.isascii():
        return min(float(text[:10]), LONGEST_RETRY_AFTER)
    try:
        wait: timedelta = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait.total_seconds(), 0.0), LONGEST_RETRY_AFTER)
