"""What NHN Cloud's two message APIs have in common: a secret in a header, and an envelope that tells how it went."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from application.ports.notification_channel import NotSent
from domain.errors import ChannelThrottled, ChannelUnavailable

CONNECT_SECONDS = 3.0
READ_SECONDS = 5.0
TOTAL_SECONDS = 8.0
"""Everything together, waiting for a free connection included. Shorter than the notifier's lease by far."""
CONNECTIONS = 64
TOO_MANY_REQUESTS = 429

NOTHING_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""There was no connection that a byte could have left by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """``code`` is the header's result; ``content`` the whole envelope."""

    code: int
    content: Mapping[str, Any]


class NhnClient:
    """One provider's HTTP. Neither URLs (they carry the app key) nor bodies (they carry phone numbers) reach a log."""

    def __init__(
        self,
        url: str,
        secret_key: str,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
        connections: int = CONNECTIONS,
    ) -> None:
        for name in ("httpx", "httpcore"):  # which log each request's URL
            logging.getLogger(name).setLevel(logging.WARNING)
        self._total_seconds = total_seconds
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"X-Secret-Key": secret_key},
            timeout=httpx.Timeout(read_seconds, connect=connect_seconds, pool=connect_seconds),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            trust_env=False,
        )

    async def post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Reply:
        """Raises NotSent; ChannelThrottled; ChannelUnavailable when there is no answer, or none that can be read."""
        return await self._exchange(self._http.build_request("POST", path, json=body, headers=headers))

    async def get(self, path: str, parameters: Mapping[str, str]) -> Reply:
        """Raises ChannelUnavailable."""
        try:
            return await self._exchange(self._http.build_request("GET", path, params=parameters))
        except NotSent as fault:
            raise ChannelUnavailable(str(fault)) from fault

    async def close(self) -> None:
        await self._http.aclose()

    async def _exchange(self, request: httpx.Request) -> Reply:
        try:
            async with asyncio.timeout(self._total_seconds):
                response = await self._http.send(request)
        except NOTHING_LEFT as fault:
            raise NotSent(type(fault).__name__) from fault
        except (httpx.TransportError, httpx.DecodingError, TimeoutError) as fault:
            raise ChannelUnavailable(type(fault).__name__) from fault
        return _reply(response)


def _reply(response: httpx.Response) -> Reply:
    """NHN answers 200 to almost everything; whatever else comes counts only if it has the envelope."""
    if response.status_code == TOO_MANY_REQUESTS:
        raise ChannelThrottled("HTTP 429", retry_after=seconds_asked_for(response))
    try:
        content = response.json()
        return Reply(code=int(content["header"]["resultCode"]), content=content)
    except (ValueError, KeyError, TypeError) as fault:
        raise ChannelUnavailable(f"HTTP {response.status_code}") from fault


def seconds_asked_for(response: httpx.Response) -> float | None:
    """None where the provider does not say, or names a date."""
    asked_for = response.headers.get("retry-after", "").strip()
    return float(asked_for[:6]) if asked_for.isascii() and asked_for.isdecimal() else None
