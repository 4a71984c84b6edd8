"""One request to Toss Payments: sent once, within deadlines, and it is known afterwards whether it left."""

import asyncio
import logging
from base64 import b64encode
from collections.abc import Mapping
from ssl import SSLContext
from typing import Any

import httpx

from adapters.toss.replies import NoReply, Reply, read_object, read_retry_after

LARGEST_BODY = 256 * 1024
"""Bytes; a payment object has some two thousand."""


class TossClient:
    """A bounded pool of connections. Neither URLs (they carry payment keys) nor bodies nor the secret reach a log."""

    def __init__(
        self,
        url: str,
        secret_key: str,
        *,
        tls: SSLContext,
        connect_seconds: float,
        read_seconds: float,
        total_seconds: float,
        connections: int,
    ) -> None:
        """Raises ValueError for a secret that no header can carry; a byte-order mark is the usual reason."""
        if not secret_key or not secret_key.isascii() or not secret_key.isprintable() or ":" in secret_key:
            raise ValueError("the secret key has characters that no secret key has")
        for name in ("httpx", "httpcore"):  # which log each request's URL
            logging.getLogger(name).setLevel(logging.WARNING)
        self._total_seconds = total_seconds
        self._http = httpx.AsyncClient(
            base_url=url,
            verify=tls,
            headers={
                "Authorization": f"Basic {b64encode(f'{secret_key}:'.encode()).decode()}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            },
            timeout=httpx.Timeout(read_seconds, connect=connect_seconds, pool=connect_seconds),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            # The environment's proxies are not for us, and a redirect would take the secret elsewhere.
            trust_env=False,
            follow_redirects=False,
        )

    async def post(self, path: str, body: Mapping[str, Any], idempotency_key: str) -> Reply | NoReply:
        return await self._exchange("POST", path, json=body, headers={"Idempotency-Key": idempotency_key})

    async def get(self, path: str) -> Reply | NoReply:
        return await self._exchange("GET", path)

    async def close(self) -> None:
        await self._http.aclose()

    async def _exchange(self, method: str, path: str, **content: Any) -> Reply | NoReply:
        left = False

        async def watch(event: str, _: Mapping[str, Any]) -> None:
            nonlocal left
            left = left or event.endswith("send_request_headers.started")

        try:
            async with (
                asyncio.timeout(self._total_seconds),
                self._http.stream(method, path, extensions={"trace": watch}, **content) as response,
            ):
                body = await _read(response)
        except (httpx.RequestError, OSError) as fault:
            return NoReply(left=left, ours=isinstance(fault, httpx.PoolTimeout), cause=fault)
        return Reply(status=response.status_code, content=read_object(body), retry_after=read_retry_after(response.headers))


async def _read(response: httpx.Response) -> bytes | None:
    """None: it is larger than any answer of theirs."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return bytes(body)
