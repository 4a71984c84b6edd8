"""Solapi's HTTP: a signature for each request, and refusals by HTTP status."""

import asyncio
import hmac
import logging
import secrets
from collections.abc import Mapping
from datetime import UTC
from hashlib import sha256
from typing import Any

import httpx

from adapters.notification.nhn_client import (
    CONNECT_SECONDS,
    CONNECTIONS,
    NOTHING_LEFT,
    READ_SECONDS,
    TOO_MANY_REQUESTS,
    TOTAL_SECONDS,
    seconds_asked_for,
)
from application.ports.clock import Clock
from application.ports.notification_channel import NotSent, Rejected
from domain.errors import ChannelThrottled, ChannelUnavailable

log = logging.getLogger(__name__)

MALFORMED = frozenset({400, 404, 413, 422})
"""What we ask for will not be done, however often we ask."""
MISCONFIGURED = frozenset({401, 402, 403})
"""Key, signature, a clock that is minutes off, balance: a person has to mend it."""


class SolapiClient:
    """Neither URLs nor bodies (they carry phone numbers) reach a log."""

    def __init__(
        self,
        url: str,
        api_key: str,
        api_secret: str,
        clock: Clock,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
        connections: int = CONNECTIONS,
    ) -> None:
        for name in ("httpx", "httpcore"):  # which log each request's URL
            logging.getLogger(name).setLevel(logging.WARNING)
        self._key = api_key
        self._secret = api_secret.encode()
        self._clock = clock
        self._total_seconds = total_seconds
        self._http = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(read_seconds, connect=connect_seconds, pool=connect_seconds),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            trust_env=False,
        )

    async def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Raises NotSent, Rejected; ChannelThrottled; ChannelUnavailable when there is no answer, or none that can be read."""
        return _content(await self._exchange(self._http.build_request("POST", path, json=body)))

    async def get(self, path: str, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        """Raises ChannelUnavailable, whatever the reason: a look-up that is refused says nothing of a message."""
        try:
            return _content(await self._exchange(self._http.build_request("GET", path, params=parameters)))
        except (NotSent, Rejected) as fault:
            raise ChannelUnavailable(str(fault)) from fault

    async def close(self) -> None:
        await self._http.aclose()

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        request.headers["Authorization"] = self._authorization()
        try:
            async with asyncio.timeout(self._total_seconds):
                return await self._http.send(request)
        except NOTHING_LEFT as fault:
            raise NotSent(type(fault).__name__) from fault
        except (httpx.TransportError, httpx.DecodingError, TimeoutError) as fault:
            raise ChannelUnavailable(type(fault).__name__) from fault

    def _authorization(self) -> str:
        """A salt is good for one request."""
        date = f"{self._clock.now().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        salt = secrets.token_hex(16)
        signature = hmac.new(self._secret, f"{date}{salt}".encode(), sha256).hexdigest()
        return f"HMAC-SHA256 apiKey={self._key}, date={date}, salt={salt}, signature={signature}"


def _content(response: httpx.Response) -> Mapping[str, Any]:
    status = response.status_code
    if status == TOO_MANY_REQUESTS:
        raise ChannelThrottled("HTTP 429", retry_after=seconds_asked_for(response))
    try:
        content = response.json()
    except ValueError as fault:
        raise ChannelUnavailable(f"HTTP {status}") from fault
    if status == httpx.codes.OK and isinstance(content, dict):
        return content
    # Only the API's own refusals count; what stands in between may say anything.
    code = content.get("errorCode") if isinstance(content, dict) else None
    if code is not None and status in MISCONFIGURED:
        log.error("Solapi refuses our account or settings", extra={"status": status, "code": str(code)})
    if code is not None and status in MALFORMED | MISCONFIGURED:
        raise Rejected(f"HTTP {status} {code}")
    raise ChannelUnavailable(f"HTTP {status}")
