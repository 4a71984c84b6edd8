"""The keys of an issuer that signs with keys of its own (JWKS, RFC 7517): fetched when needed, and not once more for each forged token."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from time import monotonic

import httpx
import jwt

log = logging.getLogger(__name__)

KEPT_SECONDS = 300.0
KEPT_WHILE_AWAY_SECONDS = 3600.0
"""Where the issuer does not answer, who has signed in before stays so for a while."""
BETWEEN_FETCHES_SECONDS = 10.0
"""Whoever forges a token names a key that nobody knows; that costs the issuer no request each."""
CONNECT_SECONDS, FETCH_SECONDS = 3.0, 5.0
LARGEST = 262_144
"""Bytes of an answer."""
FAULTS = (httpx.HTTPError, TimeoutError)
MISREAD = (jwt.PyJWTError, ValueError, AttributeError, TypeError)
"""What PyJWT raises for an answer that is no set of keys."""


class IssuersKeys:
    """At most one fetch at a time, for all who wait, in ``FETCH_SECONDS`` from its first byte to its last. Whose key is known
    does not wait for another's fetch.
    """

    def __init__(self, url: str, elapsed: Callable[[], float] = monotonic, fetch_seconds: float = FETCH_SECONDS) -> None:
        self._url = url
        self._elapsed = elapsed
        self._fetch_seconds = fetch_seconds
        self._keys: Mapping[str | None, jwt.PyJWK] = {}
        self._fetched_at = self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def signing_key(self, token: str) -> jwt.PyJWK:
        """The one that the token names. Raises jwt.PyJWTError: no token, no such key, or the issuer is away."""
        name = jwt.get_unverified_header(token).get("kid")
        if name not in self._keys or (self._since(self._fetched_at) > KEPT_SECONDS and not self._asking.locked()):
            await self._ask()
        if self._since(self._fetched_at) > KEPT_WHILE_AWAY_SECONDS:
            raise jwt.PyJWKClientError("the issuer's keys are not to be had")
        if name not in self._keys:
            raise jwt.PyJWKClientError("the issuer has published no such key")
        return self._keys[name]

    async def _ask(self) -> None:
        async with self._asking:
            if self._since(self._asked_at) < BETWEEN_FETCHES_SECONDS:
                return  # somebody has just asked
            asked_before, self._asked_at = self._asked_at, self._elapsed()
            try:
                async with asyncio.timeout(self._fetch_seconds):
                    self._keys = await self._fetch()
            except (*FAULTS, *MISREAD) as fault:
                log.warning("the issuer's keys could not be fetched", extra={"fault": type(fault).__name__})
            except asyncio.CancelledError:
                self._asked_at = asked_before  # who asked has gone: the next one asks
                raise
            else:
                self._fetched_at = self._asked_at

    async def _fetch(self) -> Mapping[str | None, jwt.PyJWK]:
        timeout = httpx.Timeout(self._fetch_seconds, connect=min(CONNECT_SECONDS, self._fetch_seconds))
        body = bytearray()
        async with httpx.AsyncClient(timeout=timeout) as http, http.stream("GET", self._url) as answer:
            answer.raise_for_status()
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > LARGEST:
                    raise ValueError("too long")
        return {key.key_id: key for key in jwt.PyJWKSet.from_json(body.decode()).keys if key.public_key_use in ("sig", None)}

    def _since(self, moment: float) -> float:
        return self._elapsed() - moment
